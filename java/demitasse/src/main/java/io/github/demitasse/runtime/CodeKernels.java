package io.github.demitasse.runtime;

import io.github.demitasse.graph.CodedConvolutions;
import io.github.demitasse.natives.Demitasse;
import io.github.demitasse.natives.NativeLibrary;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.CodebookWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;

/**
 * Thread-safe: kernels of convolutions of codes. Weights of 4 bits become codes of 8 bits there,
 * since a convolution is bound by arithmetic, not by reading its kernel; levels of a codebook
 * become multiples of a 127th of the largest, as they do in linear layers.
 */
final class CodeKernels {
  private static final int LARGEST_CODE = 127;

  private CodeKernels() {}

  /** True for a kernel of codes that convolutions of codes can use. */
  static boolean accepts(Weight weight) {
    Granularity granularity = null;
    if (weight instanceof QuantizedWeight quantized
        && quantized.zeroPoints() == null
        && (quantized.codes().type() == DataType.INT8
            || quantized.codes().type() == DataType.INT4)) {
      granularity = quantized.granularity();
    } else if (weight instanceof CodebookWeight book) {
      granularity = book.granularity();
    }
    boolean scales =
        granularity instanceof Granularity.PerTensor
            || granularity instanceof Granularity.PerChannel channel && channel.axis() == 0;
    return scales && CodedConvolutions.accepts(weight.shape());
  }

  /** The handle of a packed kernel that {@link #accepts} is true for. */
  static long pack(Weight weight, long group, long block) {
    NativeLibrary.load();
    if (weight instanceof CodebookWeight book) {
      return pack(book, group, block);
    }
    QuantizedWeight quantized = (QuantizedWeight) weight;
    Tensor codes = quantized.codes();
    float[] scales = quantized.scales().toFloats();
    if (codes.type() == DataType.INT8) {
      return pack(codes, scales, group, block);
    }
    try (Tensor wide = Tensor.ofIntegers(DataType.INT8, codes.toLongs(), codes.shape())) {
      return pack(wide, scales, group, block);
    }
  }

  private static long pack(CodebookWeight book, long group, long block) {
    float largest = 0;
    float[] levels = book.codebook().toFloats();
    for (float level : levels) {
      largest = Math.max(largest, Math.abs(level));
    }
    float step = largest == 0 ? 1 : largest / LARGEST_CODE;
    long[] codes = book.codes().toLongs();
    for (int i = 0; i < codes.length; i++) {
      codes[i] = (long) Math.rint(levels[(int) codes[i]] / step);
    }
    float[] scales = book.scales().toFloats();
    for (int i = 0; i < scales.length; i++) {
      scales[i] *= step;
    }
    try (Tensor wide = Tensor.ofIntegers(DataType.INT8, codes, book.shape())) {
      return pack(wide, scales, group, block);
    }
  }

  private static long pack(Tensor codes, float[] scales, long group, long block) {
    HandleCell out = new HandleCell();
    long source = NativeMemory.address(codes.acquire());
    try {
      NativeStatus.check(
          Demitasse.dmt_weight_pack_code_convolution(
              source,
              codes.byteSize(),
              codes.shape(),
              group,
              block,
              scales,
              scales.length,
              out.address()));
    } finally {
      codes.release();
    }
    return out.get();
  }
}
