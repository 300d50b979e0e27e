// The one header that the Swift targets above CJansson need.
#include <jansson.h>
