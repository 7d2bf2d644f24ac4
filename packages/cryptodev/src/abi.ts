/**
 * The ioctl interface of `/dev/crypto` as data: {@link @cryptodev/core/abi!}.
 *
 * @module cryptodev/abi
 */
export * from "@cryptodev/core/abi";
