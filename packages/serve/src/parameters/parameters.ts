/** A parameter of the module: its name, and its largest value. */
export interface Parameter {
  readonly name: string;
  readonly most: number;
}

/** The parameters of the original module that can be changed while the device runs. */
export const parameters: readonly [Parameter, Parameter] = [
  { name: "verbosity", most: 2 },
  { name: "enable_stats", most: 1 },
];

/** Other names of parameters, as paths in the folder of a module: those of today's module, and of its early versions. */
export const aliases: Readonly<Record<string, string>> = {
  "parameters/cryptodev_verbosity": "verbosity",
  verbosity: "parameters/verbosity",
  enable_stats: "parameters/enable_stats",
};
