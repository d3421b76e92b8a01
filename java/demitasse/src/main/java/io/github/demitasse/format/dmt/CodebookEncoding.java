package io.github.demitasse.format.dmt;

import com.fasterxml.jackson.core.JsonGenerator;
import io.github.demitasse.weight.CodebookWeight;
import java.io.IOException;

/** Thread-safe: {@link CodebookWeight}. Fields: those of {@link GranularityFields}. */
final class CodebookEncoding implements WeightEncoding<CodebookWeight> {
  static final CodebookEncoding INSTANCE = new CodebookEncoding();

  @Override
  public String name() {
    return "codebook";
  }

  @Override
  public void write(CodebookWeight weight, JsonGenerator json) throws IOException {
    GranularityFields.write(weight.granularity(), json);
  }

  @Override
  public CodebookWeight read(WeightDescription description) {
    return new CodebookWeight(
        description.part("codes"),
        description.part("codebook"),
        description.part("scales"),
        GranularityFields.read(description));
  }
}
