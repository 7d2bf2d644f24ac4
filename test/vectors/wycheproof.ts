/** A part of Wycheproof's vectors, which README.md describes: those of AES-CBC with paddings that are not valid. */
export const paddings = {
  key: "db4f3e5e3795cc09a073fa6a81e5a6bc",
  iv: "23468aa734f5f0f19827316ff168e94f",
  /** Ciphertexts, by what is in place of the padding. */
  ciphertexts: {
    "bytes 0xff": [
      "fbcbdfdaaf17980be939c0b243266ecbb20f899b0e7c1d65b931af94b5c44c25",
      "87ff6a2fc6920ce4769cbf6532f84dde389de7c3b693c5e0ceff1828424110053c2f51db27813b3ba2a63dac2b665897",
    ],
    "that of ISO/IEC 7816-4": [
      "50aeed98a820c5a037a5aa4d4ef3090b",
      "25ee339006f948f42713543c62467ef9",
      "97914574676ed5b8db0b6f3931195b3f",
      "fbcbdfdaaf17980be939c0b243266ecb2874a1e2d28dd18e5573df9fd59fd789",
    ],
    "more than a block": [
      "d17ccbb26f0aa95f397b20063547349bac24c5429cbea591e96595cccc11451b",
      "fc07025e81d43efa85f92afdf8781b1e88598e12d6812df43733e93414b9e901",
      "deb1746f4e9e0be4a21825b071b6e93303031651e0c59091e2ae0fbcce11b987",
    ],
    "that of ANSI X.923": [
      "ca5dd2d09bd56eec9e8acaeca20af68e",
      "01e53a5ec9b0957c45f79ed0f4b2b982",
      "fbcbdfdaaf17980be939c0b243266ecbd3909bb3457e5b946ff709be9a2ed84d",
    ],
    "that of ISO 10126": ["ba0726bd6dea11382b19c842e2ddead2", "22f18b85c729903744fb8db5ed2840d4"],
    "a size of more than the message": [
      "d17ccbb26f0aa95f397b20063547349b",
      "2056dfa339fa00be6836999411a98c76",
      "f92628f6418d8d9c9afac233861b3835",
    ],
    "other bytes": ["4ff3e623fdd432608c183f40864177af", "6a1ef1e6ae6a788777aabd9ccf3cf43a"],
    nothing: ["fbcbdfdaaf17980be939c0b243266ecb"],
  },
};

/** AES-GCM with aad: the vectors 27 to 29. */
export const gcm = [
  {
    key: "5a475f9976ed117ab37a4fffab0592eb",
    iv: "6bce45bea6ad59bd2a08f7b3",
    aad: "e8bb51b694b6b0763e097bad1152f5c762a878a3e7f7a9d78e809838de78567900281b7e4f0f185493fd85e28db79b595541aba7e158b3936490b632355d74",
    plaintext: "dc6ab0e261412cc709422289ea202021d9298060",
    sealed: "35d3ab0534102884ed0db4694a221df1bf94dcdbd78d2c197deb70ed52933f4fa0b09856",
  },
  {
    key: "c4b03435b91fc52e09eff27e4dc3fb42",
    iv: "5046e7e08f0747e1efccb09e",
    aad: "75fc9078b488e9503dcb568c882c9eec24d80b04f0958c82aac8484f025c90434148db8e9bfe29c7e071b797457cb1695a5e5a6317b83690ba0538fb11e325ca",
    plaintext: "8e887b224e8b89c82e9a641cf579e6879e1111c7",
    sealed: "b6786812574a254eb43b1cb1d1753564c6b520e9ad8c09610d508f3d0f03cc523c0d5fcc",
  },
  {
    key: "f64d1bc47b081afb21181bdc16ffbcca",
    iv: "2c03293704f79612181609d3",
    aad: "a883d23e25a62b492f1271d3d79b8689dde7250a0575b8175a6b69d48d1b4bc2df1b4dc4a2b1eb506bc0e8c11e7dc2f3d08b475214551df7c53e581ec55c0d0a2d",
    plaintext: "85b24904bf12ced33d78df7437b36fff83d1e817",
    sealed: "b00975863c673f0f19326294ebc4c77f7287c279ae57622c1d175ebbca77bd4ee812ed89",
  },
];

/** HMAC with SHA-256: the vectors 1, 2, 17, 19 and 28 to 35, in most of which a bit of the mac is changed. */
export const hmacs = [
  {
    key: "1e225cafb90339bba1b24076d4206c3e79c355805d851682bc818baa4f5a7779",
    data: "",
    mac: "b175b57d89ea6cb606fb3363f2538abd73a4c00b4a1386905bac809004cf1933",
    isValid: true,
  },
  {
    key: "8159fd15133cd964c9a6964c94f0ea269a806fd9f43f0da58b6cd1b33d189b2a",
    data: "77",
    mac: "dfc5105d5eecf7ae7b8b8de3930e7659e84c4172f2555142f1e568fc1872ad93",
    isValid: true,
  },
  {
    key: "6fa353868c82e5deeedac7f09471a61bf749ab5498239e947e012eee3c82d7c4",
    data: "aeed3e4d4cb9bbb60d482e98c126c0f5",
    mac: "9ed7f0e73812a27a87a3808ee0c89a6456499e835974ba57c5aab2a0d8c69e93",
    isValid: true,
  },
  {
    key: "383e7c5c13476a62268423ef0500479f9e86e236c5a081c6449189e6afdf2af5",
    data: "3202705af89f9555c540b0e1276911d01971abb2c35c78b2",
    mac: "4e4901592ba46476408d758435c7d1b489d2689afd84ceaaee78bfb91fd9391d",
    isValid: true,
  },
  ...["d28b4209", "d18b4209", "538b4209", "d38a4209"].map((start) => ({
    key: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    data: "",
    mac: `${start}6d80f45f826b44a9d5607de72496a415d3f4a1a8c88e3bb9da8dc1cb`,
    isValid: false,
  })),
  ...["d9b99f27", "dab99f27", "58b99f27", "d8b89f27"].map((start) => ({
    key: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    data: "000102030405060708090a0b0c0d0e0f",
    mac: `${start}09a3ca74172cbe93824c1f29b23a0c1e9c21bd851ff2d2c39dbef14e`,
    isValid: false,
  })),
];
