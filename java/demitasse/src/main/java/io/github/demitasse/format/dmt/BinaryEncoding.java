package io.github.demitasse.format.dmt;

import com.fasterxml.jackson.core.JsonGenerator;
import io.github.demitasse.weight.BinaryWeight;
import java.io.IOException;

/**
 * Thread-safe: {@link BinaryWeight}. Fields: {@code rows}, {@code columns} and those of {@link
 * GranularityFields}.
 */
final class BinaryEncoding implements WeightEncoding<BinaryWeight> {
  static final BinaryEncoding INSTANCE = new BinaryEncoding();

  @Override
  public String name() {
    return "binary";
  }

  @Override
  public void write(BinaryWeight weight, JsonGenerator json) throws IOException {
    json.writeNumberField("rows", weight.rows());
    json.writeNumberField("columns", weight.columns());
    GranularityFields.write(weight.granularity(), json);
  }

  @Override
  public BinaryWeight read(WeightDescription description) {
    return new BinaryWeight(
        description.part("signs"),
        description.integer("rows"),
        description.integer("columns"),
        description.part("scales"),
        GranularityFields.read(description));
  }
}
