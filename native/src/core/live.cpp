#include "core/live.h"

#include <atomic>

namespace demitasse {
namespace {

std::atomic<int64_t> objects{0};
std::atomic<int64_t> bytes{0};

}  // namespace

int64_t live_objects() { return objects.load(); }
int64_t live_bytes() { return bytes.load(); }

LiveObject::LiveObject() { ++objects; }
LiveObject::~LiveObject() { --objects; }

void LiveBytes::set(int64_t now) {
  bytes += now - bytes_;
  bytes_ = now;
}

}  // namespace demitasse
