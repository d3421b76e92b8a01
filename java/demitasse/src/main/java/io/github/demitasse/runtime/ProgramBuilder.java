package io.github.demitasse.runtime;

import io.github.demitasse.natives.Demitasse;
import io.github.demitasse.natives.NativeLibrary;
import io.github.demitasse.runtime.NativeStatus.Origin;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Confined to one thread: builds a native program, call by call as described in {@code
 * demitasse/program.h}. Close it whether or not {@link #finish} was reached.
 */
final class ProgramBuilder implements AutoCloseable {
  /** In place of a value that is absent or not wanted. */
  static final int NONE = -1;

  private final long program;
  private final List<Tensor> constants = new ArrayList<>();
  private final List<Origin> origins = new ArrayList<>(); // one for each operation
  private final int[] id = new int[1];
  private Origin current;
  private boolean finished;

  ProgramBuilder() {
    NativeLibrary.load();
    HandleCell handle = new HandleCell();
    NativeStatus.check(Demitasse.dmt_program_create(handle.address()));
    program = handle.get();
  }

  int value(DataType type, RowShape shape) {
    NativeStatus.check(
        Demitasse.dmt_program_value(
            program,
            type.onnxCode(),
            shape.rows(),
            shape.dimensions(),
            shape.dimensions().length,
            id),
        current);
    return id[0];
  }

  /** A static value with the tensor's content, which is read in place and kept alive. */
  int constant(Tensor tensor, long[] dimensions) {
    long data = NativeMemory.address(tensor.acquire());
    constants.add(tensor);
    NativeStatus.check(
        Demitasse.dmt_program_constant(
            program,
            tensor.type().onnxCode(),
            dimensions,
            dimensions.length,
            data,
            tensor.byteSize(),
            0,
            id),
        current);
    return id[0];
  }

  int quantizedValue(RowShape shape, Quantization quantization) {
    NativeStatus.check(
        Demitasse.dmt_program_quantized_value(
            program,
            shape.rows(),
            shape.staticRows(),
            shape.features(),
            quantization.mode(),
            quantization.scale(),
            quantization.zeroPoint(),
            id),
        current);
    return id[0];
  }

  int alias(int source, RowShape shape) {
    NativeStatus.check(
        Demitasse.dmt_program_alias(
            program, source, shape.rows(), shape.dimensions(), shape.dimensions().length, id),
        current);
    return id[0];
  }

  void input(int value) {
    NativeStatus.check(Demitasse.dmt_program_input(program, value));
  }

  void output(int value) {
    NativeStatus.check(Demitasse.dmt_program_output(program, value));
  }

  /** States which node the operations belong to that are added from now on. */
  void begin(Origin node) {
    current = node;
  }

  private void added(int status) {
    NativeStatus.check(status, current);
    origins.add(current);
  }

  /** {@code y = activation(x weight + bias) + residual}; bias may be null, residual NONE. */
  void linear(int x, long weight, float[] bias, int activation, int residual, int y) {
    added(Demitasse.dmt_program_linear(program, x, weight, bias, activation, residual, 0, y));
  }

  /** {@code y = signs of x}, rows of bits. */
  void binarize(int x, int y) {
    added(Demitasse.dmt_program_binarize(program, x, y));
  }

  /** Rows of bits times signs: floats, or with {@code thresholds} again rows of bits. */
  void binaryLinear(int x, long weight, float[] bias, int activation, int[] thresholds, int y) {
    added(Demitasse.dmt_program_binary_linear(program, x, weight, bias, activation, thresholds, y));
  }

  void quantize(int x, int q) {
    added(Demitasse.dmt_program_quantize(program, x, q));
  }

  /**
   * A convolution on channels-last values.
   *
   * @param geometry strides, paddings in front, dilations
   * @param bias may be null
   * @param parameters alpha and beta of the activation, scale, shift
   * @param residual may be NONE
   */
  void convolution(
      int x,
      long weight,
      long[] geometry,
      float[] bias,
      int activation,
      float[] parameters,
      int residual,
      boolean residualFirst,
      int y) {
    added(
        Demitasse.dmt_program_convolution(
            program,
            x,
            weight,
            geometry,
            bias,
            activation,
            parameters,
            residual,
            residualFirst ? 1 : 0,
            y));
  }

  /**
   * A convolution of UINT8 codes; the result is FLOAT32, or codes where {@code to} is given.
   *
   * @param to may be null
   */
  void codeConvolution(
      int x,
      Quantization from,
      long weight,
      long[] geometry,
      float[] bias,
      int activation,
      float[] parameters,
      int residual,
      boolean residualFirst,
      int y,
      Quantization to) {
    added(
        Demitasse.dmt_program_code_convolution(
            program,
            x,
            from.scale(),
            from.zeroPoint(),
            weight,
            geometry,
            bias,
            activation,
            parameters,
            residual,
            residualFirst ? 1 : 0,
            y,
            to == null ? 1 : to.scale(),
            to == null ? 0 : to.zeroPoint()));
  }

  /** {@code beta} may be null; {@code residual}, {@code sum}, {@code y} and {@code q} NONE. */
  void layerNorm(
      int x,
      int residual,
      float[] gamma,
      float[] beta,
      float epsilon,
      boolean rms,
      int sum,
      int y,
      int q) {
    added(
        Demitasse.dmt_program_layer_norm(
            program, x, residual, gamma, beta, gamma.length, epsilon, rms ? 1 : 0, sum, y, q));
  }

  /** {@code q}, {@code k} and {@code v} with their column offsets; {@code mask} may be NONE. */
  void attention(
      int[] qkv,
      long[] columns,
      int mask,
      long heads,
      long headDimension,
      float scale,
      boolean causal,
      long sequenceLength,
      int y) {
    added(
        Demitasse.dmt_program_attention(
            program,
            qkv[0],
            columns[0],
            qkv[1],
            columns[1],
            qkv[2],
            columns[2],
            mask,
            heads,
            headDimension,
            scale,
            causal ? 1 : 0,
            sequenceLength,
            y));
  }

  /** {@code indices} NONE: positions. {@code scales} and {@code zeroPoints} of an integer table. */
  void embedding(
      String name,
      int indices,
      int table,
      float[] scales,
      int[] zeroPoints,
      long sequenceLength,
      boolean accumulate,
      int y) {
    added(
        Demitasse.dmt_program_embedding(
            program,
            name,
            indices,
            table,
            scales,
            zeroPoints,
            scales == null ? 0 : scales.length,
            sequenceLength,
            accumulate ? 1 : 0,
            y));
  }

  void pooling(int x, int mask, int kind, boolean normalize, long sequenceLength, int y) {
    added(
        Demitasse.dmt_program_pooling(
            program, x, mask, kind, normalize ? 1 : 0, sequenceLength, y));
  }

  /**
   * A recurrent layer with packed weights.
   *
   * @param inputs as the operator's of the same name, NONE for the weights
   * @param weights for each direction: of the input, of the recurrence, perhaps of the candidate
   * @param quantized true for rows of x and of the state that meet the weights as integers
   */
  void recurrent(
      String name,
      int[] inputs,
      long[] weights,
      int[] outputs,
      long[] integers,
      double[] floats,
      boolean quantized) {
    added(
        Demitasse.dmt_program_recurrent(
            program,
            name,
            inputs,
            inputs.length,
            weights,
            weights.length,
            outputs,
            outputs.length,
            integers,
            integers.length,
            floats,
            floats.length,
            quantized ? 1 : 0));
  }

  void operator(String name, int[] inputs, int[] outputs, long[] integers, double[] floats) {
    added(
        Demitasse.dmt_program_operator(
            program,
            name,
            inputs,
            inputs.length,
            outputs,
            outputs.length,
            integers,
            integers.length,
            floats,
            floats.length));
  }

  /**
   * Ends building.
   *
   * @param separable states that sequences are independent of each other
   */
  NativeProgram finish(boolean separable) {
    NativeStatus.check(Demitasse.dmt_program_finish(program, separable ? 1 : 0));
    finished = true;
    return new NativeProgram(program, constants, origins);
  }

  @Override
  public void close() {
    if (!finished) {
      finished = true;
      NativeProgram.free(program, constants);
    }
  }
}
