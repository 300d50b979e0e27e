// The one header that the Swift target above CUTF8Proc needs.
#include <utf8proc.h>
