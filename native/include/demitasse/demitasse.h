/* The public C ABI of libdemitasse. */
#ifndef DEMITASSE_H
#define DEMITASSE_H

#include "demitasse/bits.h"
#include "demitasse/linalg.h"
#include "demitasse/program.h"
#include "demitasse/status.h"
#include "demitasse/system.h"
#include "demitasse/types.h"
#include "demitasse/weight.h"

#endif
