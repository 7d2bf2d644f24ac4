/** Two names of an algorithm: the one asked of the CryptoAPI, and that of the driver which answered. */
export const alg_info = {
  name: "alg_info",
  fields: [
    ["cra_name", "char", 64],
    ["cra_driver_name", "char", 64],
  ],
} as const;
