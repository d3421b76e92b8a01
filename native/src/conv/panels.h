// How the output channels of one group are cut into panels of whole vectors.
#pragma once

#include <cstdint>

namespace demitasse {

// As few panels as possible, as equal as possible: 60 channels in vectors of 16 are 2 + 2 vectors,
// not 3 + 1, since narrow panels load more for each multiplication.
class PanelSplit {
 public:
  PanelSplit(int64_t channels, int lanes, int most_vectors)
      : channels_(channels),
        lanes_(lanes),
        vectors_((channels + lanes - 1) / lanes),
        panels_((vectors_ + most_vectors - 1) / most_vectors) {}

  int64_t panels() const { return panels_; }
  int64_t padded_channels() const { return vectors_ * lanes_; }
  int64_t first_vector(int64_t panel) const { return vectors_ * panel / panels_; }
  int64_t first_channel(int64_t panel) const { return first_vector(panel) * lanes_; }
  int vectors(int64_t panel) const {
    return static_cast<int>(first_vector(panel + 1) - first_vector(panel));
  }
  // Channels in the panel's last vector.
  int tail(int64_t panel) const {
    return panel + 1 < panels_ ? lanes_
                               : static_cast<int>(channels_ - (vectors_ - 1) * int64_t{lanes_});
  }

 private:
  int64_t channels_;
  int lanes_;
  int64_t vectors_, panels_;
};

}  // namespace demitasse
