package io.github.demitasse.format.dmt;

import com.fasterxml.jackson.core.JsonGenerator;
import io.github.demitasse.weight.QuantizedWeight;
import java.io.IOException;

/** Thread-safe: {@link QuantizedWeight}. Fields: those of {@link GranularityFields}. */
final class QuantizedEncoding implements WeightEncoding<QuantizedWeight> {
  static final QuantizedEncoding INSTANCE = new QuantizedEncoding();

  @Override
  public String name() {
    return "quantized";
  }

  @Override
  public void write(QuantizedWeight weight, JsonGenerator json) throws IOException {
    GranularityFields.write(weight.granularity(), json);
  }

  @Override
  public QuantizedWeight read(WeightDescription description) {
    return new QuantizedWeight(
        description.part("codes"),
        description.part("scales"),
        description.parts().get("zero_points"),
        GranularityFields.read(description));
  }
}
