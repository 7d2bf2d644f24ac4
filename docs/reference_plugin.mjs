import { Converter, LiteralType, ReflectionKind, ReflectionType, UnionType, UnknownType } from "typedoc";

/* Where TypeDoc would show a type at a length, or in a way, that helps nobody. */

/** Tables of data, such as `ciphers`, as the source has them: their inferred types say the same in many more words. */
function showTable(context, variable) {
  const { valueDeclaration } = context.getSymbolFromReflection(variable);
  const table = valueDeclaration.initializer.getText();
  variable.comment.summary.push({ kind: "code", text: `\n\n\`\`\`ts\n${table}\n\`\`\`` });
  context.project.removeTypeReflections(variable.type);
  variable.type = new UnknownType(`typeof ${variable.name}`);
}

/** Names, such as those of ciphers, one by one: how their type comes by them is of no use to those who look for one. */
function showNames(context, alias) {
  const checker = context.programs[0].getTypeChecker();
  const type = checker.getDeclaredTypeOfSymbol(context.getSymbolFromReflection(alias));
  if (!type.isUnion() || !type.types.every((one) => one.isStringLiteral())) return;
  context.project.removeTypeReflections(alias.type);
  alias.type = new UnionType(type.types.map(({ value }) => new LiteralType(value)));
}

/** Classes that programs are given and do not make, such as sessions, are exported as types: to TypeDoc, as interfaces. */
function showClass(context, reflection) {
  const isClass = context.getSymbolFromReflection(reflection).valueDeclaration !== undefined;
  if (isClass) reflection.kind = ReflectionKind.Class;
}

/** All `@throws {Class} if ...` of a comment as one list: TypeDoc would drop the classes, and repeat the heading. */
function showThrown(comment) {
  const thrown = comment.blockTags.filter(({ tag, typeAnnotation }) => tag === "@throws" && typeAnnotation);
  const [first] = thrown;
  if (first === undefined) return;
  first.content = thrown.flatMap(({ typeAnnotation, content }, index) => [
    { kind: "text", text: index === 0 ? "- " : "\n- " },
    { kind: "code", text: `\`${typeAnnotation.slice(1, -1)}\`` },
    { kind: "text", text: " " },
    ...content,
  ]);
  comment.blockTags = comment.blockTags.filter((block) => block === first || !thrown.includes(block));
}

export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => {
    for (const { comment } of Object.values(context.project.reflections)) if (comment) showThrown(comment);
    for (const reflection of context.project.getReflectionsByKind(ReflectionKind.Interface)) {
      showClass(context, reflection);
    }
    for (const variable of context.project.getReflectionsByKind(ReflectionKind.Variable)) {
      if (variable.type instanceof ReflectionType) showTable(context, variable);
    }
    for (const alias of context.project.getReflectionsByKind(ReflectionKind.TypeAlias)) showNames(context, alias);
  });
  // What an entry exports of another package is documented there. Last of all, as links are resolved through it; then what
  // programs import comes first, and the packages below it in the order of their options.
  const last = -10_000;
  app.converter.on(
    Converter.EVENT_RESOLVE_END,
    ({ project }) => {
      for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
        module.groups = module.groups.filter(({ children }) => !children.every((child) => child.isReference()));
      }
      for (const reference of project.getReflectionsByKind(ReflectionKind.Reference))
        project.removeReflection(reference);
      for (const { children } of [project, ...project.groups]) {
        children.sort((one, other) => Number(one.name.startsWith("@")) - Number(other.name.startsWith("@")));
      }
    },
    last,
  );
}
