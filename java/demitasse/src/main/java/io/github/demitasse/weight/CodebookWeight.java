package io.github.demitasse.weight;

import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Immutable: 4-bit codes that look up their value: {@code value = scale * codebook[code]}. The
 * codebook is a fixed one, such as {@link NormalFloat}, or learned by k-means (Han et al. 2016).
 *
 * @param codes UINT4, of the logical shape
 * @param codebook FLOAT32 [16], finite
 * @param scales FLOAT32 or FLOAT16: one element; [channels]; or the logical shape with the grouped
 *     axis divided by the group size
 */
public record CodebookWeight(Tensor codes, Tensor codebook, Tensor scales, Granularity granularity)
    implements Weight {

  /** Values of a codebook. */
  public static final int ENTRIES = 16;

  public CodebookWeight {
    if (codes.type() != DataType.UINT4) {
      throw new IllegalArgumentException("codes must be UINT4, given " + codes);
    }
    if (codebook.type() != DataType.FLOAT32 || codebook.elements() != ENTRIES) {
      throw new IllegalArgumentException("a codebook is FLOAT32[16], given " + codebook);
    }
    for (float entry : codebook.toFloats()) {
      if (!Float.isFinite(entry)) {
        throw new IllegalArgumentException("the codebook holds " + entry);
      }
    }
    long expected = granularity.scaleCount(codes.shape());
    boolean floats = scales.type() == DataType.FLOAT32 || scales.type() == DataType.FLOAT16;
    if (!floats || scales.elements() != expected) {
      throw new IllegalArgumentException(
          "codes " + codes + " " + granularity + " need " + expected + " scales, given " + scales);
    }
    codes.leaveToCollector();
    codebook.leaveToCollector();
    scales.leaveToCollector();
  }

  @Override
  public long[] shape() {
    return codes.shape();
  }

  @Override
  public DataType type() {
    return DataType.FLOAT32;
  }

  @Override
  public String encoding() {
    return (NormalFloat.isCodebook(codebook.toFloats()) ? "nf4 " : "codebook4 ") + granularity;
  }

  @Override
  public Map<String, Tensor> parts() {
    Map<String, Tensor> parts = new LinkedHashMap<>();
    parts.put("codes", codes);
    parts.put("codebook", codebook);
    parts.put("scales", scales);
    return parts;
  }

  @Override
  public Tensor dequantize() {
    long[] values = codes.toLongs();
    float[] entries = codebook.toFloats();
    float[] scale = scales.toFloats();
    int[] indices = granularity.scaleIndices(codes.shape());
    float[] result = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      result[i] = scale[indices[i]] * entries[(int) values[i]];
    }
    return Tensor.of(result, codes.shape());
  }
}
