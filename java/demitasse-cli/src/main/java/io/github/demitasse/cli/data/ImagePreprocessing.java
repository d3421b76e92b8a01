package io.github.demitasse.cli.data;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.exc.InvalidFormatException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Immutable and thread-safe: how images become a model's input, as a YAML file says it:
 *
 * <pre>{@code
 * resize: {shortest: 256}              # or {height: 48, width: 192}, or {height: 48}
 * crop: {height: 224, width: 224}      # of the middle
 * channels: rgb                        # or bgr, gray
 * scale: 0.00392156862745098           # 1/255; a value is (scale * byte - mean) / deviation
 * mean: [0.485, 0.456, 0.406]          # one number, or one for each channel
 * deviation: [0.229, 0.224, 0.225]
 * layout: nchw                         # or nhwc
 * }</pre>
 *
 * All keys may be absent: then an image keeps its size and its channels are red, green and blue in
 * [0, 1].
 */
public record ImagePreprocessing(
    Resize resize,
    Size crop,
    Channels channels,
    Double scale,
    List<Double> mean,
    List<Double> deviation,
    Layout layout) {

  /** What an image's channels are, in order. */
  public enum Channels {
    RGB,
    BGR,
    GRAY;

    int count() {
      return this == GRAY ? 1 : 3;
    }
  }

  /** The order of a sample's dimensions. */
  public enum Layout {
    NCHW,
    NHWC
  }

  /** Height and width in pixels. */
  public record Size(int height, int width) {}

  /**
   * A new size: of both sides, of one (the other follows), or of the shorter one.
   *
   * @param height or null
   * @param width or null
   * @param shortest or null
   */
  public record Resize(Integer height, Integer width, Integer shortest) {

    /** The size of an image of this one. */
    Size of(int oldHeight, int oldWidth) {
      if (shortest != null) {
        boolean upright = oldHeight > oldWidth;
        return new Size(
            upright ? follow(oldHeight, shortest, oldWidth) : shortest,
            upright ? shortest : follow(oldWidth, shortest, oldHeight));
      }
      return new Size(
          height != null ? height : follow(oldHeight, width, oldWidth),
          width != null ? width : follow(oldWidth, height, oldHeight));
    }

    private static int follow(int side, int newOther, int other) {
      return (int)
          Math.max(1, Math.min(LONGEST_SIDE, Math.round((double) side * newOther / other)));
    }
  }

  private static final int LONGEST_SIDE = 1 << 15;

  private static final JsonMapper YAML =
      JsonMapper.builder(new YAMLFactory())
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.ACCEPT_SINGLE_VALUE_AS_ARRAY)
          .enable(MapperFeature.ACCEPT_CASE_INSENSITIVE_ENUMS)
          .build();

  public ImagePreprocessing(
      @JsonProperty("resize") Resize resize,
      @JsonProperty("crop") Size crop,
      @JsonProperty("channels") Channels channels,
      @JsonProperty("scale") Double scale,
      @JsonProperty("mean") List<Double> mean,
      @JsonProperty("deviation") List<Double> deviation,
      @JsonProperty("layout") Layout layout) {
    this.resize = resize;
    this.crop = crop;
    this.channels = channels == null ? Channels.RGB : channels;
    this.scale = scale == null ? 1.0 / 255 : scale;
    this.mean = perChannel("mean", mean, 0, this.channels);
    this.deviation = perChannel("deviation", deviation, 1, this.channels);
    this.layout = layout == null ? Layout.NCHW : layout;
    if (!Double.isFinite(this.scale)) {
      throw new IllegalArgumentException("scale is " + scale);
    }
    if (this.deviation.contains(0.0)) {
      throw new IllegalArgumentException("deviation is 0: " + this.deviation);
    }
    if (crop != null) {
      check("crop", crop.height());
      check("crop", crop.width());
    }
    if (resize != null) {
      boolean sides = resize.height() != null || resize.width() != null;
      if (sides == (resize.shortest() != null)) {
        throw new IllegalArgumentException("resize needs height, width or both, or shortest");
      }
      check("resize", resize.height());
      check("resize", resize.width());
      check("resize", resize.shortest());
    }
  }

  /** What absent keys mean. */
  public static ImagePreprocessing standard() {
    return new ImagePreprocessing(null, null, null, null, null, null, null);
  }

  private static void check(String key, Integer side) {
    if (side != null && (side < 1 || side > LONGEST_SIDE)) {
      throw new IllegalArgumentException(key + ": " + side + " is outside 1.." + LONGEST_SIDE);
    }
  }

  private static List<Double> perChannel(
      String key, List<Double> values, double otherwise, Channels channels) {
    if (values == null || values.isEmpty()) {
      return Collections.nCopies(channels.count(), otherwise);
    }
    for (Double value : values) {
      if (value == null || !Double.isFinite(value)) {
        throw new IllegalArgumentException(key + " " + values + ": not all are numbers");
      }
    }
    if (values.size() == 1) {
      return Collections.nCopies(channels.count(), values.get(0));
    }
    if (values.size() != channels.count()) {
      throw new IllegalArgumentException(
          key + " " + values + " where there are " + channels.count() + " channels");
    }
    return List.copyOf(values);
  }

  /**
   * Reads a description.
   *
   * @throws IllegalArgumentException for anything but known keys with possible values, naming the
   *     file
   */
  public static ImagePreprocessing read(Path file) throws IOException {
    try {
      JsonNode read = YAML.readTree(Files.readString(file));
      boolean empty = read == null || read.isMissingNode() || read.isNull();
      return empty ? standard() : YAML.treeToValue(read, ImagePreprocessing.class);
    } catch (JsonProcessingException malformed) {
      throw new IllegalArgumentException(file + ": " + reason(malformed), malformed);
    }
  }

  private static String reason(JsonProcessingException malformed) {
    if (malformed instanceof UnrecognizedPropertyException unknown) {
      return "unknown key '"
          + path(unknown)
          + "'; known: "
          + unknown.getKnownPropertyIds().stream()
              .map(Object::toString)
              .sorted()
              .collect(Collectors.joining(", "));
    }
    if (malformed instanceof InvalidFormatException wrong) {
      Class<?> type = wrong.getTargetType();
      String expected =
          type.isEnum()
              ? Stream.of(type.getEnumConstants())
                  .map(constant -> constant.toString().toLowerCase(Locale.ROOT))
                  .collect(Collectors.joining(", "))
              : "a number";
      return "'" + path(wrong) + "' is '" + wrong.getValue() + "'; expected " + expected;
    }
    if (malformed.getCause() instanceof IllegalArgumentException impossible) {
      return impossible.getMessage();
    }
    String where = malformed instanceof JsonMappingException wrong ? path(wrong) : "";
    return (where.isEmpty() ? "" : "'" + where + "': ")
        + malformed.getOriginalMessage().lines().findFirst().orElse("not YAML");
  }

  private static String path(JsonMappingException e) {
    return e.getPath().stream()
        .map(part -> part.getFieldName() == null ? "" + part.getIndex() : part.getFieldName())
        .collect(Collectors.joining("."));
  }
}
