package io.github.demitasse.graph.rewrite;

import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;

/**
 * Immutable: the constants of ONNX Runtime's MatMulNBits (domain com.microsoft), which multiplies
 * with the transpose of a [columns][inputs] matrix whose rows are cut into blocks of their own
 * scale.
 *
 * @param codes UINT8 [columns][blocks][bytes]: unsigned codes, the first in the lowest bits
 * @param scales FLOAT32 [columns * blocks]
 * @param zeroPoints UINT8, each column's packed like codes and filled up to whole bytes; null when
 *     all are half the range, which is what the operator then takes
 * @param bits of a code: 4 or 8
 * @param blockSize codes that share a scale, a power of two from 16 on
 */
record BlockedWeight(Tensor codes, Tensor scales, Tensor zeroPoints, int bits, int blockSize) {
  private static final int SMALLEST_BLOCK = 16;
  private static final int LARGEST_BLOCK = 256;

  /**
   * A [inputs][columns] weight of 4-bit codes, or of 8-bit codes in groups, in this form; null for
   * weights that the operator cannot hold or that gain nothing.
   */
  static BlockedWeight of(Weight weight) {
    if (!(weight instanceof QuantizedWeight quantized) || weight.shape().length != 2) {
      return null;
    }
    int bits = quantized.codes().type().bits();
    int inputs = Math.toIntExact(weight.shape()[0]);
    int block = blockSize(quantized.granularity(), inputs);
    boolean grouped = quantized.granularity() instanceof Granularity.PerGroup;
    if (block == 0 || bits != 4 && !(bits == 8 && grouped)) {
      return null;
    }
    int columns = Math.toIntExact(weight.shape()[1]);
    long[] codes = quantized.codes().toLongs();
    float[] scales = quantized.scales().toFloats();
    long[] zeros = quantized.zeroPoints() == null ? null : quantized.zeroPoints().toLongs();
    int[] scaleOf = quantized.granularity().scaleIndices(weight.shape());
    boolean signed = isSigned(quantized.codes().type());
    int half = 1 << (bits - 1);
    int blocks = inputs / block;
    byte[] packed = new byte[columns * inputs * bits / 8];
    byte[] packedZeros = new byte[columns * zeroBytes(blocks, bits)];
    float[] steps = new float[columns * blocks];
    boolean centred = true;
    for (int column = 0; column < columns; column++) {
      for (int k = 0; k < inputs; k++) {
        int from = k * columns + column;
        put(packed, column * inputs + k, bits, codes[from] + (signed ? half : 0));
        if (k % block == 0) {
          int scale = scaleOf[from];
          steps[column * blocks + k / block] = scales[scale];
          long zero = (zeros == null ? 0 : zeros[scale]) + (signed ? half : 0);
          centred &= zero == half;
          int perColumn = zeroBytes(blocks, bits) * 8 / bits;
          put(packedZeros, column * perColumn + k / block, bits, zero);
        }
      }
    }
    return new BlockedWeight(
        Tensor.ofBytes(DataType.UINT8, packed, columns, blocks, (long) block * bits / 8),
        Tensor.of(steps, steps.length),
        centred ? null : Tensor.ofBytes(DataType.UINT8, packedZeros, packedZeros.length),
        bits,
        block);
  }

  /**
   * The [inputs][columns] weight that constants of the operator stand for; null when their sizes do
   * not fit each other. Blocks that do not divide the inputs become groups of 16 that share their
   * scale; where those do not divide them either, the weight is in floats.
   */
  static Weight decode(BlockedWeight stored, long inputs, long columns) {
    int block = stored.blockSize;
    int bits = stored.bits;
    if (inputs <= 0 || columns <= 0 || block < SMALLEST_BLOCK || Integer.bitCount(block) != 1) {
      return null;
    }
    long blocks = (inputs + block - 1) / block;
    long zeroBytes = (blocks * bits + 7) / 8;
    boolean fits =
        (bits == 4 || bits == 8)
            && stored.codes.type() == DataType.UINT8
            && stored.codes.elements() == columns * blocks * (block * bits / 8)
            && stored.scales.elements() == columns * blocks
            && (stored.zeroPoints == null
                || stored.zeroPoints.type() == DataType.UINT8
                    && stored.zeroPoints.elements() == columns * zeroBytes);
    if (!fits) {
      return null;
    }
    int group = inputs % block == 0 ? block : SMALLEST_BLOCK;
    return inputs % group == 0
        ? stored.grouped((int) inputs, (int) columns, group)
        : stored.floats((int) inputs, (int) columns);
  }

  private Weight grouped(int inputs, int columns, int group) {
    int half = 1 << (bits - 1);
    int groups = inputs / group;
    long[] zeros = new long[Math.multiplyExact(groups, columns)];
    float[] scales = new float[zeros.length];
    Reader reader = new Reader(inputs);
    boolean centred = true;
    for (int column = 0; column < columns; column++) {
      for (int g = 0; g < groups; g++) {
        int to = g * columns + column;
        scales[to] = reader.scale(column, g * group);
        zeros[to] = reader.zero(column, g * group);
        centred &= zeros[to] == half;
      }
    }
    long shift = centred ? half : 0;
    long[] codes = new long[Math.multiplyExact(inputs, columns)];
    for (int column = 0; column < columns; column++) {
      for (int k = 0; k < inputs; k++) {
        codes[k * columns + column] = reader.code(column, k) - shift;
      }
    }
    DataType type =
        bits == 4
            ? centred ? DataType.INT4 : DataType.UINT4
            : centred ? DataType.INT8 : DataType.UINT8;
    return new QuantizedWeight(
        Tensor.ofIntegers(type, codes, inputs, columns),
        Tensor.of(scales, groups, columns),
        centred ? null : Tensor.ofIntegers(type, zeros, groups, columns),
        new Granularity.PerGroup(0, group));
  }

  private Weight floats(int inputs, int columns) {
    float[] values = new float[Math.multiplyExact(inputs, columns)];
    Reader reader = new Reader(inputs);
    for (int column = 0; column < columns; column++) {
      for (int k = 0; k < inputs; k++) {
        values[k * columns + column] =
            reader.scale(column, k) * (reader.code(column, k) - reader.zero(column, k));
      }
    }
    return new DenseWeight(Tensor.of(values, inputs, columns));
  }

  /** Confined to one thread: elements of the constants, the last block of a column filled up. */
  private final class Reader {
    private final byte[] packed = codes.toBytes();
    private final byte[] packedZeros = zeroPoints == null ? null : zeroPoints.toBytes();
    private final float[] steps = scales.toFloats();
    private final int blocks;
    private final int zerosPerColumn;

    Reader(int inputs) {
      blocks = (inputs + blockSize - 1) / blockSize;
      zerosPerColumn = zeroBytes(blocks, bits) * 8 / bits;
    }

    float scale(int column, int k) {
      return steps[column * blocks + k / blockSize];
    }

    int zero(int column, int k) {
      return packedZeros == null
          ? 1 << (bits - 1)
          : (int) get(packedZeros, column * zerosPerColumn + k / blockSize, bits);
    }

    int code(int column, int k) {
      return (int) get(packed, column * blocks * blockSize + k, bits);
    }
  }

  /** Codes of one scale as the operator wants them; 0 if it has no such blocks. */
  private static int blockSize(Granularity granularity, int inputs) {
    if (granularity instanceof Granularity.PerGroup group) {
      boolean possible =
          group.axis() == 0
              && group.size() >= SMALLEST_BLOCK
              && Integer.bitCount(group.size()) == 1;
      return possible ? group.size() : 0;
    }
    if (granularity instanceof Granularity.PerChannel channel && channel.axis() != 1) {
      return 0;
    }
    int block = Math.min(LARGEST_BLOCK, Integer.lowestOneBit(inputs));
    return block >= SMALLEST_BLOCK ? block : 0;
  }

  private static int zeroBytes(int blocks, int bits) {
    return (blocks * bits + 7) / 8;
  }

  private static boolean isSigned(DataType type) {
    return type == DataType.INT4 || type == DataType.INT8;
  }

  private static void put(byte[] packed, int index, int bits, long code) {
    if (bits == 8) {
      packed[index] = (byte) code;
    } else {
      packed[index / 2] |= (byte) ((code & 15) << (index % 2 * 4));
    }
  }

  private static long get(byte[] packed, int index, int bits) {
    return bits == 8 ? packed[index] & 255 : packed[index / 2] >> (index % 2 * 4) & 15;
  }
}
