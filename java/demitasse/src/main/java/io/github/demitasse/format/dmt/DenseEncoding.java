package io.github.demitasse.format.dmt;

import com.fasterxml.jackson.core.JsonGenerator;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import java.io.IOException;

/**
 * Thread-safe: {@link DenseWeight}. Field {@code type}: the logical type where it is not the
 * tensor's.
 */
final class DenseEncoding implements WeightEncoding<DenseWeight> {
  static final DenseEncoding INSTANCE = new DenseEncoding();

  @Override
  public String name() {
    return "dense";
  }

  @Override
  public void write(DenseWeight weight, JsonGenerator json) throws IOException {
    if (weight.type() != weight.tensor().type()) {
      json.writeStringField("type", weight.type().name());
    }
  }

  @Override
  public DenseWeight read(WeightDescription description) {
    Tensor tensor = description.part("");
    String type = description.texts().get("type");
    return new DenseWeight(tensor, type == null ? tensor.type() : DataType.valueOf(type));
  }
}
