/*
 * The interface of /dev/crypto under the names of its own header, which this machine may not have. The tests generate
 * this from the tables in packages/core/src/abi; `npm test -- abi -u` updates it.
 */
#ifndef CRYPTO_CRYPTODEV_H
#define CRYPTO_CRYPTODEV_H

#include <stdint.h>
#include <sys/ioctl.h>

enum {
  AALG_MAX_RESULT_LEN = 64,
  COP_DECRYPT = 1,
  COP_ENCRYPT = 0,
  COP_FLAG_AEAD_SRTP_TYPE = 32,
  COP_FLAG_AEAD_TLS_TYPE = 16,
  COP_FLAG_FINAL = 2,
  COP_FLAG_NO_ZC = 8,
  COP_FLAG_RESET = 64,
  COP_FLAG_UPDATE = 1,
  COP_FLAG_WRITE_IV = 4,
  CRYPTODEV_MAX_ALG_NAME = 64,
  CRYPTO_CIPHER_MAX_KEY_LEN = 64,
  CRYPTO_HMAC_MAX_KEY_LEN = 512,
  EALG_MAX_BLOCK_LEN = 16,
  SIOP_FLAG_KERNEL_DRIVER_ONLY = 1,
  CRYPTO_DES_CBC = 1,
  CRYPTO_3DES_CBC = 2,
  CRYPTO_BLF_CBC = 3,
  CRYPTO_CAST_CBC = 4,
  CRYPTO_SKIPJACK_CBC = 5,
  CRYPTO_AES_CBC = 11,
  CRYPTO_ARC4 = 12,
  CRYPTO_DEFLATE_COMP = 15,
  CRYPTO_NULL = 16,
  CRYPTO_LZS_COMP = 17,
  CRYPTO_AES_CTR = 21,
  CRYPTO_AES_XTS = 22,
  CRYPTO_AES_ECB = 23,
  CRYPTO_AES_CFB = 24,
  CRYPTO_AES_OFB = 25,
  CRYPTO_AES_GCM = 50,
  CRYPTO_AES_CCM = 51,
  CRYPTO_CAMELLIA_CBC = 101,
  CRYPTO_TLS11_AES_CBC_HMAC_SHA1 = 108,
  CRYPTO_TLS12_AES_CBC_HMAC_SHA256 = 109,
  CRYPTO_MD5_HMAC = 6,
  CRYPTO_SHA1_HMAC = 7,
  CRYPTO_RIPEMD160_HMAC = 8,
  CRYPTO_MD5_KPDK = 9,
  CRYPTO_SHA1_KPDK = 10,
  CRYPTO_MD5 = 13,
  CRYPTO_SHA1 = 14,
  CRYPTO_SHA2_256_HMAC = 18,
  CRYPTO_SHA2_384_HMAC = 19,
  CRYPTO_SHA2_512_HMAC = 20,
  CRYPTO_RIPEMD160 = 102,
  CRYPTO_SHA2_224 = 103,
  CRYPTO_SHA2_256 = 104,
  CRYPTO_SHA2_384 = 105,
  CRYPTO_SHA2_512 = 106,
  CRYPTO_SHA2_224_HMAC = 107,
};

struct crypt_op {
  uint32_t ses;
  uint16_t op;
  uint16_t flags;
  uint32_t len;
  uint8_t *src;
  uint8_t *dst;
  uint8_t *mac;
  uint8_t *iv;
};

struct crypt_auth_op {
  uint32_t ses;
  uint16_t op;
  uint16_t flags;
  uint32_t len;
  uint32_t auth_len;
  uint8_t *auth_src;
  uint8_t *src;
  uint8_t *dst;
  uint8_t *tag;
  uint32_t tag_len;
  uint8_t *iv;
  uint32_t iv_len;
};

struct cphash_op {
  uint32_t dst_ses;
  uint32_t src_ses;
};

struct alg_info {
  char cra_name[64];
  char cra_driver_name[64];
};

struct session_info_op {
  uint32_t ses;
  struct alg_info cipher_info;
  struct alg_info hash_info;
  uint16_t alignmask;
  uint32_t flags;
};

struct session_op {
  uint32_t cipher;
  uint32_t mac;
  uint32_t keylen;
  uint8_t *key;
  uint32_t mackeylen;
  uint8_t *mackey;
  uint32_t ses;
};

struct crparam {
  uint8_t *crp_p;
  uint32_t crp_nbits;
};

struct crypt_kop {
  uint32_t crk_op;
  uint32_t crk_status;
  uint16_t crk_iparams;
  uint16_t crk_oparams;
  uint32_t crk_pad1;
  struct crparam crk_param[8];
};

#define CIOCASYMFEAT _IOR('c', 106, uint32_t)
#define CIOCASYNCCRYPT _IOW('c', 110, struct crypt_op)
#define CIOCASYNCFETCH _IOR('c', 111, struct crypt_op)
#define CIOCAUTHCRYPT _IOWR('c', 109, struct crypt_auth_op)
#define CIOCCPHASH _IOW('c', 112, struct cphash_op)
#define CIOCCRYPT _IOWR('c', 104, struct crypt_op)
#define CIOCFSESSION _IOW('c', 103, uint32_t)
#define CIOCGSESSINFO _IOWR('c', 107, struct session_info_op)
#define CIOCGSESSION _IOWR('c', 102, struct session_op)
#define CIOCKEY _IOWR('c', 105, struct crypt_kop)
#define CRIOGET _IOWR('c', 101, uint32_t)

#endif
