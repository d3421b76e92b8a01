// Part of the bindings only: what JNI alone can tell.
#ifndef DEMITASSE_DIRECT_BUFFER_H
#define DEMITASSE_DIRECT_BUFFER_H

#include <jni.h>

// The address of a direct buffer's first byte, whatever its position; 0 for any other buffer.
inline jlong dmt_buffer_address(JNIEnv* env, jclass, jobject buffer) {
  return buffer == nullptr ? 0 : reinterpret_cast<jlong>(env->GetDirectBufferAddress(buffer));
}

#endif
