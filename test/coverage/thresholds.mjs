/** The minimum percentage of a package's lines that tests have to run. */
export const leastLines = { core: 95 };
