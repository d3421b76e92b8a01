package io.github.demitasse.compress.quantize;

import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.CodebookWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.Weight;

/**
 * Confined to one thread: a matrix of weights on its way to codes. Methods find the scales of its
 * groups and then the codes of its elements, all of them or one by one.
 */
public final class CodedMatrix {
  /** Scales and learned levels are found in turns; each further one takes 0.6 % off the error. */
  private static final int LEARNING_ROUNDS = 2;

  private final float[] weights;
  private final int rows;
  private final int columns;
  private final Granularity granularity;
  private final float[] steps;
  private final int[] zeroPoints;
  private final byte[] codes;
  private Codes meaning; // of codes

  /**
   * @param weights row-major [rows, columns]; kept, not changed
   * @param granularity which elements share a scale; its groups divide the matrix
   */
  public CodedMatrix(
      float[] weights, int rows, int columns, Granularity granularity, Codes meaning) {
    this.weights = weights;
    this.rows = rows;
    this.columns = columns;
    this.granularity = granularity;
    this.meaning = meaning;
    int groups = Math.toIntExact(granularity.scaleCount(new long[] {rows, columns}));
    steps = new float[groups];
    zeroPoints = new int[groups];
    codes = new byte[weights.length];
  }

  public int rows() {
    return rows;
  }

  public int columns() {
    return columns;
  }

  /** What codes stand for; levels that are learned change with {@link #fitScales}. */
  public Codes meaning() {
    return meaning;
  }

  /** The original weights; not to be changed. */
  public float[] weights() {
    return weights;
  }

  /** How many groups of elements have a scale of their own. */
  public int groups() {
    return steps.length;
  }

  /** How many consecutive rows of a column share a scale. */
  public int rowsPerGroup() {
    return granularity instanceof Granularity.PerGroup group && group.axis() == 0
        ? group.size()
        : rows;
  }

  // ---- the elements of a group

  private int start(int group) {
    if (granularity instanceof Granularity.PerChannel channel) {
      return channel.axis() == 1 ? group : group * columns;
    }
    if (granularity instanceof Granularity.PerGroup grouped) {
      return grouped.axis() == 1
          ? group * grouped.size()
          : group / columns * grouped.size() * columns + group % columns;
    }
    return 0;
  }

  private int stride() {
    boolean down =
        granularity instanceof Granularity.PerChannel channel && channel.axis() == 1
            || granularity instanceof Granularity.PerGroup group && group.axis() == 0;
    return down ? columns : 1;
  }

  /** How many elements a group has. */
  public int groupLength() {
    return weights.length / Math.max(1, steps.length);
  }

  /** Copies the elements of a group out of a matrix of this one's shape. */
  public void gather(float[] matrix, int group, float[] into) {
    int stride = stride();
    int from = start(group);
    for (int i = 0; i < into.length; i++) {
      into[i] = matrix[from + i * stride];
    }
  }

  /** The group of an element. */
  public int groupOf(int row, int column) {
    if (granularity instanceof Granularity.PerChannel channel) {
      return channel.axis() == 1 ? column : row;
    }
    if (granularity instanceof Granularity.PerGroup group) {
      return group.axis() == 0
          ? row / group.size() * columns + column
          : row * (columns / group.size()) + column / group.size();
    }
    return 0;
  }

  // ---- scales and codes

  public Scale scale(int group) {
    return new Scale(steps[group], zeroPoints[group]);
  }

  public void setScale(int group, Scale scale) {
    steps[group] = scale.step();
    zeroPoints[group] = scale.zeroPoint();
  }

  /**
   * Finds the scale of every group from the original weights, and the levels of a codebook that is
   * to be learned.
   *
   * @param importance how much an error in each row weighs, or null for all the same
   */
  public void fitScales(ScaleMethod method, float[] importance) {
    fitGroups(method, importance);
    if (meaning instanceof Codebook book && book.isLearned()) {
      for (int round = 0; round < LEARNING_ROUNDS; round++) {
        meaning = book.withLevels(learnedLevels(importance));
        fitGroups(method, importance);
      }
    }
  }

  private float[] learnedLevels(float[] importance) {
    OptimalLevels learning = new OptimalLevels();
    int stride = stride();
    int length = groupLength();
    for (int g = 0; g < steps.length; g++) {
      double square = (double) steps[g] * steps[g];
      for (int i = 0, at = start(g); i < length; i++, at += stride) {
        double matters = importance == null ? 1 : importance[at / columns];
        learning.add(weights[at] / steps[g], square * matters);
      }
    }
    return learning.find(CodebookWeight.ENTRIES);
  }

  private void fitGroups(ScaleMethod method, float[] importance) {
    float[] group = new float[groupLength()];
    float[] weighing = importance == null ? null : new float[group.length];
    for (int g = 0; g < steps.length; g++) {
      gather(weights, g, group);
      if (weighing != null) {
        gatherRows(importance, g, weighing);
      }
      setScale(g, method.fit(group, weighing, meaning));
    }
  }

  /** For each element of a group the entry of its row. */
  private void gatherRows(float[] ofRows, int group, float[] into) {
    int stride = stride();
    int from = start(group);
    for (int i = 0; i < into.length; i++) {
      into[i] = ofRows[(from + i * stride) / columns];
    }
  }

  /** Gives an element the code nearest to a weight; returns what the code stands for. */
  public float round(int row, int column, float weight) {
    int group = groupOf(row, column);
    int code = meaning.round(weight, steps[group], zeroPoints[group]);
    codes[row * columns + column] = (byte) code;
    return meaning.value(code, steps[group], zeroPoints[group]);
  }

  /** Gives every element of a group the code nearest to its original weight. */
  public void roundAll() {
    int stride = stride();
    int length = groupLength();
    for (int g = 0; g < steps.length; g++) {
      float step = steps[g];
      int zeroPoint = zeroPoints[g];
      for (int i = 0, at = start(g); i < length; i++, at += stride) {
        codes[at] = (byte) meaning.round(weights[at], step, zeroPoint);
      }
    }
  }

  /** Sets an element's code. */
  public void setCode(int row, int column, int code) {
    codes[row * columns + column] = (byte) code;
  }

  /** The weights that the codes stand for. */
  public float[] dequantized() {
    float[] result = new float[weights.length];
    int stride = stride();
    int length = groupLength();
    for (int g = 0; g < steps.length; g++) {
      for (int i = 0, at = start(g); i < length; i++, at += stride) {
        result[at] = meaning.value(codes[at], steps[g], zeroPoints[g]);
      }
    }
    return result;
  }

  /** The finished weight. */
  public Weight toWeight() {
    return toWeight(rows, columns);
  }

  /** The same as a weight of another shape of equally many elements. */
  public Weight toWeight(long... shape) {
    return toWeight(longs(codes), granularity, shape);
  }

  /** The codes so far, row-major. */
  long[] codes() {
    return longs(codes);
  }

  /** A weight of these codes, in another order perhaps, with this matrix's scales. */
  Weight toWeight(long[] ordered, Granularity sharing, long... shape) {
    Tensor stored = Tensor.ofIntegers(meaning.type(), ordered, shape);
    return meaning.weight(stored, steps, zeroPoints, sharing);
  }

  private static long[] longs(byte[] values) {
    long[] result = new long[values.length];
    for (int i = 0; i < result.length; i++) {
      result[i] = values[i];
    }
    return result;
  }
}
