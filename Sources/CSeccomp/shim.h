// The one header that the Swift targets above CSeccomp need.
#include <seccomp.h>
