// The one header that the Swift target above CSodium needs.
#include <sodium/crypto_hash_sha256.h>
