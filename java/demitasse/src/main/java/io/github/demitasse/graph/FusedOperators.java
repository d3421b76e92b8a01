package io.github.demitasse.graph;

/**
 * Thread-safe: the operators of {@link Domains#DEMITASSE}. Inputs in order; a trailing or empty one
 * may be absent.
 *
 * <table>
 * <caption>Fused operators</caption>
 * <tr><th>operator</th><th>inputs</th><th>outputs</th><th>attributes</th></tr>
 * <tr><td>Linear</td><td>x[.., k], weight[k, n], bias[n], residual[.., n]</td><td>y[.., n]</td>
 *   <td>activation: none, relu, gelu_erf, gelu_tanh, silu, hard_swish, tanh, sigmoid;
 *   y = activation(x weight + bias) + residual</td></tr>
 * <tr><td>FusedConv</td><td>x[n, c, ..], weight[m, c / group, ..], bias[m], residual[n, m, ..]</td><td>y[n, m, ..]</td>
 *   <td>those of ONNX's Conv; activation: as Linear's, hard_sigmoid (slope alpha, offset beta), leaky_relu
 *   (slope alpha), clip (alpha to beta); alpha, beta, output_scale (1), output_shift (0): floats; residual_first (0 or 1);
 *   blocksize (1 .. 64), which moves the convolution's result as ONNX's DepthToSpace in mode DCR does: m is then the
 *   convolution's, y and residual have m / blocksize^2 channels.
 *   y = output_scale activation(conv + bias) + output_shift + residual, or with residual_first
 *   y = output_scale activation(conv + bias + residual) + output_shift</td></tr>
 * <tr><td>FakeQuantize</td><td>x</td><td>x as UINT8 codes would represent it</td>
 *   <td>mode: dynamic_row, dynamic_tensor, static; scale (float) and zero_point (integer, 0..255): static</td></tr>
 * <tr><td>Binarize</td><td>x</td><td>+1 where x &gt;= 0, else (also for NaN) -1</td><td></td></tr>
 * <tr><td>SkipLayerNormalization</td><td>x, residual, gamma, beta</td><td>y, x + residual</td>
 *   <td>epsilon (float); over the last axis</td></tr>
 * <tr><td>MultiHeadAttention</td><td>q[b, s, h d], k, v, mask[b, 1, 1, s] (added to the scores)</td><td>y[b, s, h d]</td>
 *   <td>heads, scale (float), causal (0 or 1)</td></tr>
 * <tr><td>PackedAttention</td><td>qkv[b, s, 3 h d], mask</td><td>y[b, s, h d]</td><td>as above</td></tr>
 * <tr><td>PositionEmbedding</td><td>x[b, s, ..] (only its shape matters), table[p, h]</td><td>table[0..s) as [1, s, h]</td><td></td></tr>
 * <tr><td>SequencePooling</td><td>x[b, s, h], mask[b, s]</td><td>y[b, h]</td><td>kind: mean, max, first; normalize (0 or 1)</td></tr>
 * </table>
 */
public final class FusedOperators {
  public static final String LINEAR = "Linear";
  public static final String FUSED_CONV = "FusedConv";
  public static final String FAKE_QUANTIZE = "FakeQuantize";
  public static final String BINARIZE = "Binarize";
  public static final String SKIP_LAYER_NORMALIZATION = "SkipLayerNormalization";
  public static final String MULTI_HEAD_ATTENTION = "MultiHeadAttention";
  public static final String PACKED_ATTENTION = "PackedAttention";
  public static final String POSITION_EMBEDDING = "PositionEmbedding";
  public static final String SEQUENCE_POOLING = "SequencePooling";

  /**
   * An attribute that ONNX's RNN, GRU and LSTM may have here besides their own: {@code dynamic_row}
   * where rows of x and of the state become UINT8 codes, each row with its own scale and zero
   * point, before they are multiplied with integer weights. Said in no ONNX file.
   */
  public static final String RECURRENT_QUANTIZATION = "activation_quantization";

  /** The largest blocksize of a FusedConv. */
  public static final int LARGEST_BLOCK = 64;

  /**
   * The height and width of the block of pixels that each of a convolution's results becomes.
   *
   * @throws IllegalArgumentException if the node says something impossible
   */
  public static int blockSize(Node convolution) {
    long block = convolution.integer("blocksize", 1);
    if (block < 1 || block > LARGEST_BLOCK) {
      throw new IllegalArgumentException(
          "node '"
              + convolution.name()
              + "': blocksize is "
              + block
              + ", not within 1.."
              + LARGEST_BLOCK);
    }
    return (int) block;
  }

  private FusedOperators() {}
}
