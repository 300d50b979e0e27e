// The one header that the Swift target above CCares needs.
#include <ares.h>
