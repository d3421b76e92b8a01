package io.github.demitasse.format.dmt;

import com.fasterxml.jackson.core.JsonGenerator;
import io.github.demitasse.weight.Granularity;
import java.io.IOException;

/**
 * Thread-safe: the fields that say which elements share a scale. {@code granularity}: tensor,
 * channel or group; {@code axis} for channel and group; {@code size} for group.
 */
final class GranularityFields {
  private GranularityFields() {}

  static void write(Granularity granularity, JsonGenerator json) throws IOException {
    if (granularity instanceof Granularity.PerChannel channel) {
      json.writeStringField("granularity", "channel");
      json.writeNumberField("axis", channel.axis());
    } else if (granularity instanceof Granularity.PerGroup group) {
      json.writeStringField("granularity", "group");
      json.writeNumberField("axis", group.axis());
      json.writeNumberField("size", group.size());
    } else {
      json.writeStringField("granularity", "tensor");
    }
  }

  static Granularity read(WeightDescription description) {
    String name = description.text("granularity");
    return switch (name) {
      case "tensor" -> new Granularity.PerTensor();
      case "channel" -> new Granularity.PerChannel(description.integer("axis"));
      case "group" ->
          new Granularity.PerGroup(description.integer("axis"), description.integer("size"));
      default -> throw new IllegalArgumentException("unknown granularity '" + name + "'");
    };
  }
}
