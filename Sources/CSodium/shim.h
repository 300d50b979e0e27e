// The headers that the Swift targets above CSodium need.
#include <sodium/core.h>
#include <sodium/crypto_aead_xchacha20poly1305.h>
#include <sodium/crypto_generichash.h>
#include <sodium/crypto_hash_sha256.h>
#include <sodium/crypto_kdf.h>
#include <sodium/crypto_pwhash_argon2id.h>
#include <sodium/crypto_verify_32.h>
#include <sodium/randombytes.h>
#include <sodium/utils.h>
