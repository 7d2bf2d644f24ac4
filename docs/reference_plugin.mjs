import { Converter, LiteralType, ReflectionKind, ReflectionType, UnionType, UnknownType } from "typedoc";

/* Replaces types that TypeDoc would show at length, or in a form that does not help readers. */

/**
 * Shows tables of data, such as `ciphers`, as in the source: their inferred types say the same at much greater length.
 */
function showTable(context, variable) {
  const { valueDeclaration } = context.getSymbolFromReflection(variable);
  const table = valueDeclaration.initializer.getText();
  variable.comment.summary.push({ kind: "code", text: `\n\n\`\`\`ts\n${table}\n\`\`\`` });
  context.project.removeTypeReflections(variable.type);
  variable.type = new UnknownType(`typeof ${variable.name}`);
}

/** Lists names, such as those of ciphers, one by one: readers look for a name, not for how its type is derived. */
function showNames(context, alias) {
  const checker = context.programs[0].getTypeChecker();
  const type = checker.getDeclaredTypeOfSymbol(context.getSymbolFromReflection(alias));
  if (!type.isUnion() || !type.types.every((one) => one.isStringLiteral())) return;
  context.project.removeTypeReflections(alias.type);
  alias.type = new UnionType(type.types.map(({ value }) => new LiteralType(value)));
}

/**
 * Shows classes that programs do not construct, such as sessions, as classes. They are exported as types, which TypeDoc
 * shows as interfaces.
 */
function showClass(context, reflection) {
  const isClass = context.getSymbolFromReflection(reflection).valueDeclaration !== undefined;
  if (isClass) reflection.kind = ReflectionKind.Class;
}

/**
 * Joins all `@throws {Class} if ...` of a comment into one list: TypeDoc would drop the classes, and repeat the
 * heading.
 */
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
  // Re-exports of another package are documented there. They are removed last, because links are resolved through them.
  // Then the packages that programs import come first, followed by the others in the order of the entry points.
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
