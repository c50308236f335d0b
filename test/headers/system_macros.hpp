#pragma once

// What headers of systems and of other libraries define before ours are included.

#define min(a, b) (((a) < (b)) ? (a) : (b))
#define max(a, b) (((a) > (b)) ? (a) : (b))
#define major(device) ((device) >> 8)
#define minor(device) ((device)&0xff)
#define small char
#define interface struct
#define near
#define far
#define IN
#define OUT
#define ERROR 0
#define NO_ERROR 0
#define DELETE 1
#define unix 1
#define linux 1
