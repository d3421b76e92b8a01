package io.github.demitasse.format.dmt;

import com.fasterxml.jackson.core.JsonGenerator;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import java.io.IOException;

/**
 * Thread-safe: {@link QuantizedWeight}. Fields: {@code granularity}: tensor, channel or group;
 * {@code axis} for channel and group; {@code size} for group.
 */
final class QuantizedEncoding implements WeightEncoding<QuantizedWeight> {
  static final QuantizedEncoding INSTANCE = new QuantizedEncoding();

  @Override
  public String name() {
    return "quantized";
  }

  @Override
  public void write(QuantizedWeight weight, JsonGenerator json) throws IOException {
    Granularity granularity = weight.granularity();
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

  @Override
  public QuantizedWeight read(WeightDescription description) {
    String name = description.text("granularity");
    Granularity granularity =
        switch (name) {
          case "tensor" -> new Granularity.PerTensor();
          case "channel" -> new Granularity.PerChannel(description.integer("axis"));
          case "group" ->
              new Granularity.PerGroup(description.integer("axis"), description.integer("size"));
          default -> throw new IllegalArgumentException("unknown granularity '" + name + "'");
        };
    return new QuantizedWeight(
        description.part("codes"),
        description.part("scales"),
        description.parts().get("zero_points"),
        granularity);
  }
}
