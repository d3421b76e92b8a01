package io.github.demitasse.compress.quantize;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.github.demitasse.compress.Layer;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.weight.Granularity;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * Immutable: how weights are stored.
 *
 * @param format the number format
 * @param sharing which weights share a scale
 * @param group with {@code GROUP}: how many consecutive inputs of an output share one; else 0
 * @param symmetric true without zero points
 */
public record WeightScheme(NumberFormat format, Sharing sharing, int group, boolean symmetric) {
  /** What the kernels take. */
  private static final int SMALLEST_GROUP = 16;

  private static final int LARGEST_GROUP = 256;

  /** Which weights share a scale. */
  public enum Sharing {
    /** All of a matrix. */
    @JsonProperty("tensor")
    TENSOR,
    /** Those of one output, or of one entry of a lookup table. */
    @JsonProperty("channel")
    CHANNEL,
    /** Consecutive ones of an output. */
    @JsonProperty("group")
    GROUP
  }

  public WeightScheme {
    boolean grouped = sharing == Sharing.GROUP;
    if (grouped && (group < SMALLEST_GROUP || group > LARGEST_GROUP || group % 16 != 0)) {
      throw new IllegalArgumentException(
          "groups are a multiple of 16 from "
              + SMALLEST_GROUP
              + " to "
              + LARGEST_GROUP
              + " weights, given "
              + group);
    }
    if (grouped && !format.hasScales()) {
      throw new IllegalArgumentException(format + " has no scales, and so no groups");
    }
    if (format == NumberFormat.BINARY && !symmetric) {
      throw new IllegalArgumentException("signs have no zero point");
    }
    if (format.hasCodebook() && !symmetric) {
      throw new IllegalArgumentException(
          "the levels of " + format + " are what they are: there is no zero point");
    }
    if (!grouped) {
      group = 0;
    }
  }

  /** All sizes of groups that there are. */
  static IntStream groups() {
    return IntStream.rangeClosed(SMALLEST_GROUP, LARGEST_GROUP).filter(size -> size % 16 == 0);
  }

  /** One symmetric scale for each channel. */
  static WeightScheme of(NumberFormat format) {
    return new WeightScheme(format, Sharing.CHANNEL, 0, true);
  }

  boolean isGrouped() {
    return sharing == Sharing.GROUP;
  }

  WeightScheme with(Sharing newSharing, int newGroup) {
    return new WeightScheme(format, newSharing, newGroup, symmetric);
  }

  WeightScheme asymmetric() {
    return new WeightScheme(format, sharing, group, false);
  }

  /** The scales of a layer's weight. */
  public Granularity granularity(Layer.Kind kind) {
    return switch (sharing) {
      case TENSOR -> new Granularity.PerTensor();
      case CHANNEL -> new Granularity.PerChannel(kind.channelAxis());
      case GROUP -> new Granularity.PerGroup(kind.depthAxis(), group);
    };
  }

  /** Bytes of a layer's weight stored like this. */
  long bytes(Layer layer) {
    long elements = layer.weight().elements();
    if (!format.hasScales()) {
      return 2 * elements;
    }
    long scales = granularity(layer.kind()).scaleCount(layer.weight().shape());
    if (format == NumberFormat.BINARY) {
      return (elements + 7) / 8 + DataType.FLOAT32.bytes(scales);
    }
    return codes().bytes(elements, scales);
  }

  /**
   * The codes of this scheme.
   *
   * @throws IllegalArgumentException for a format that has none
   */
  public Codes codes() {
    DataType scales = isGrouped() ? DataType.FLOAT16 : DataType.FLOAT32;
    return switch (format) {
      case INT8 -> new CodeRange(DataType.INT8, symmetric ? -127 : -128, 127, symmetric, scales);
      case INT4 ->
          symmetric
              ? new CodeRange(DataType.INT4, -8, 7, true, DataType.FLOAT16)
              : new CodeRange(DataType.UINT4, 0, 15, false, DataType.FLOAT16);
      case NF4 -> Codebook.normalFloat();
      case CODEBOOK4 -> Codebook.learned();
      case FLOAT16, BFLOAT16, BINARY ->
          throw new IllegalArgumentException(format + " has no codes");
    };
  }

  /** As the stored weight says it: "uint4 group 32 asymmetric". */
  String encoding() {
    return format.hasCodes() && !format.hasCodebook()
        ? codes().type().name().toLowerCase(Locale.ROOT) + sharingInWords()
        : toString();
  }

  private String sharingInWords() {
    String shared =
        switch (sharing) {
          case TENSOR -> " per tensor";
          case CHANNEL -> " per channel";
          case GROUP -> " group " + group;
        };
    return shared + (symmetric ? "" : " asymmetric");
  }

  /** As recipes say it: "int4 group 32 asymmetric". */
  @Override
  public String toString() {
    return format + (format.hasScales() ? sharingInWords() : "");
  }
}
