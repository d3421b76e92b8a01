package io.github.demitasse.runtime;

import io.github.demitasse.graph.Node;
import io.github.demitasse.natives.Demitasse;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;

/**
 * Immutable and thread-safe: lowers a rounding to codes. An INT8 linear operator asks for the codes
 * themselves; floats are made only for other readers.
 */
final class FakeQuantizeLowering implements NodeLowering {
  /** Axis, block size (none), saturate. */
  private static final long[] QUANTIZE = {1, 0, 1};

  /** Axis, block size (none). */
  private static final long[] DEQUANTIZE = {1, 0};

  @Override
  public boolean accepts(Node node, Lowering lowering) {
    return true;
  }

  @Override
  public void lower(Node node, Lowering lowering) {
    String result = node.output(0);
    if (!lowering.wantsFloats(result)) {
      return;
    }
    Quantization quantization = Quantization.of(node);
    ProgramBuilder program = lowering.program();
    if (isChannelsLast(node, quantization, lowering)) {
      ChannelsLast values = lowering.channelsLast();
      int[] inputs = {
        values.codes(node.input(0), quantization),
        scale(quantization, program),
        zeroPoint(quantization, program)
      };
      operator(program, "DequantizeLinear", inputs, DEQUANTIZE, values.define(result));
      return;
    }
    RowShape shape = lowering.shape(result);
    int x = lowering.id(node, 0);
    int codes = program.value(DataType.UINT8, shape);
    int scale;
    int zeroPoint;
    switch (quantization.mode()) {
      case Demitasse.DMT_QUANTIZATION_STATIC -> {
        scale = scale(quantization, program);
        zeroPoint = zeroPoint(quantization, program);
        operator(program, "QuantizeLinear", new int[] {x, scale, zeroPoint}, QUANTIZE, codes);
      }
      case Demitasse.DMT_QUANTIZATION_DYNAMIC_TENSOR -> {
        lowering.dependAcrossRows();
        scale = program.value(DataType.FLOAT32, RowShape.ofStatic());
        zeroPoint = program.value(DataType.UINT8, RowShape.ofStatic());
        operator(
            program, "DynamicQuantizeLinear", new int[] {x}, new long[0], codes, scale, zeroPoint);
      }
      default ->
          throw new NotLowerableException(
              "node '" + node.name() + "': only linear operators read codes with a scale per row");
    }
    operator(
        program,
        "DequantizeLinear",
        new int[] {codes, scale, zeroPoint},
        DEQUANTIZE,
        lowering.define(result));
  }

  private static boolean isChannelsLast(Node node, Quantization quantization, Lowering lowering) {
    String x = node.input(0);
    return quantization.mode() == Demitasse.DMT_QUANTIZATION_STATIC
        && (quantization.equals(lowering.wantedImageCodes(x))
            || lowering.channelsLast().has(x) && !lowering.isDefined(x));
  }

  private static int scale(Quantization quantization, ProgramBuilder program) {
    return program.constant(Tensor.scalar(quantization.scale()), new long[0]);
  }

  private static int zeroPoint(Quantization quantization, ProgramBuilder program) {
    byte[] zero = {(byte) quantization.zeroPoint()};
    return program.constant(Tensor.ofBytes(DataType.UINT8, zero), new long[0]);
  }

  private static void operator(
      ProgramBuilder program, String name, int[] inputs, long[] integers, int... outputs) {
    program.operator(name, inputs, outputs, integers, new double[0]);
  }
}
