package io.github.demitasse.operator;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Thread-safe: Resize, of which operator set 10 has one kind of coordinates and newer ones many,
 * and its forerunner Upsample.
 */
final class ResizeRule {
  private static final int CROP_AND_RESIZE = 6;

  /** In the order in which the native operator numbers them. */
  private static final List<String> COORDINATES =
      List.of(
          "half_pixel",
          "half_pixel_symmetric",
          "pytorch_half_pixel",
          "align_corners",
          "asymmetric",
          "",
          "tf_crop_and_resize");

  private static final List<String> ROUNDINGS =
      List.of("round_prefer_floor", "round_prefer_ceil", "floor", "ceil");

  private ResizeRule() {}

  private static boolean isOld(InferenceContext context) {
    return context.node().is("Upsample") || context.opset() < 11;
  }

  /** The axes that sizes and scales speak of, in that order. */
  private static int[] axes(InferenceContext context, int rank) {
    long[] given = context.node().integers("axes");
    if (given == null) {
      return Shapes.allAxes(rank);
    }
    Shapes.axes(given, rank);
    return Arrays.stream(given).mapToInt(axis -> Shapes.axis(axis, rank)).toArray();
  }

  /** The scales; null when sizes are given instead or they are computed from data. */
  private static float[] scales(InferenceContext context) {
    Node node = context.node();
    if (node.attributes().get("scales") instanceof Attribute.OfFloats a) {
      float[] scales = new float[a.value().size()];
      for (int i = 0; i < scales.length; i++) {
        scales[i] = a.value().get(i);
      }
      return scales;
    }
    Tensor constant = context.inputConstant(isOld(context) ? 1 : 2);
    return constant == null || constant.elements() == 0 ? null : constant.toFloats();
  }

  private static boolean hasSizes(InferenceContext context) {
    Shape form = !isOld(context) && context.hasInput(3) ? context.inputShape(3) : null;
    return !isOld(context)
        && context.hasInput(3)
        && !(form != null && form.rank() == 1 && form.dimension(0).is(0));
  }

  static void infer(InferenceContext context) {
    Shape shape = context.inputShape(0);
    context.output(0, context.inputType(0), shape == null ? null : result(context, shape));
  }

  private static Shape result(InferenceContext context, Shape shape) {
    int[] axes = axes(context, shape.rank());
    float[] scales = scales(context);
    List<Dimension> sizes = new ArrayList<>(shape.dimensions());
    if (coordinates(context) == CROP_AND_RESIZE && regions(context, axes.length) == null) {
      // Lowering needs the region's content: an unknown shape keeps the node until it is there.
      return Shapes.unknown(shape.rank());
    }
    if (hasSizes(context)) {
      List<Dimension> wanted = context.inputDimensions(3);
      Arguments.require(
          wanted == null || wanted.size() == axes.length, "sizes " + wanted + " of " + shape);
      if (wanted != null && keepsAspectRatio(context)) {
        wanted = keptRatio(context, shape, axes, wanted);
      }
      for (int i = 0; i < axes.length; i++) {
        sizes.set(axes[i], wanted == null ? Dimension.unknown() : wanted.get(i));
      }
      return new Shape(sizes);
    }
    requireScales(scales, axes.length, shape);
    for (int i = 0; i < axes.length; i++) {
      Dimension size = sizes.get(axes[i]);
      sizes.set(axes[i], scales == null ? Dimension.unknown() : scaled(context, size, i, scales));
    }
    return new Shape(sizes);
  }

  private static void requireScales(float[] scales, int count, Shape shape) {
    Arguments.require(
        scales == null || scales.length == count,
        "scales " + Arrays.toString(scales) + " of " + shape);
    for (int i = 0; scales != null && i < count; i++) {
      Arguments.require(
          scales[i] > 0 && Float.isFinite(scales[i]), "scales " + Arrays.toString(scales));
    }
  }

  private static Dimension scaled(
      InferenceContext context, Dimension size, int index, float[] scales) {
    float scale = scales[index];
    double region = 1;
    if (coordinates(context) == CROP_AND_RESIZE) {
      float[] regions = regions(context, scales.length);
      region = regions[index + scales.length] - regions[index];
    }
    if (size.isKnown()) {
      float length = region == 1 ? size.size() * scale : (float) (size.size() * region * scale);
      Arguments.require(
          length >= 0 && length < Long.MAX_VALUE, "scale " + scale + " of " + size + " elements");
      return Dimension.of((long) length);
    }
    if (region == 1 && scale == Math.rint(scale) && scale < 1 << 24) {
      return DimensionArithmetic.multiply(size, Dimension.of((long) scale));
    }
    if (region == 1 && 1 / scale == Math.rint(1 / scale) && 1 / scale < 1 << 24) {
      return DimensionArithmetic.divide(size, Dimension.of((long) (1 / scale)));
    }
    return Dimension.unknown();
  }

  // ---- keep_aspect_ratio_policy

  private static boolean keepsAspectRatio(InferenceContext context) {
    return !context.node().text("keep_aspect_ratio_policy", "stretch").equals("stretch");
  }

  /** The one scale of all axes; the smallest or the largest that the wanted sizes ask for. */
  private static double commonScale(
      InferenceContext context, long[] in, int[] axes, List<Dimension> wanted) {
    String policy = context.node().text("keep_aspect_ratio_policy", "stretch");
    boolean smaller = policy.equals("not_larger");
    Arguments.require(
        smaller || policy.equals("not_smaller"), "keep_aspect_ratio_policy is '" + policy + "'");
    double scale = smaller ? Double.MAX_VALUE : 0;
    for (int i = 0; i < axes.length; i++) {
      double ratio = (double) wanted.get(i).size() / in[axes[i]];
      scale = smaller ? Math.min(scale, ratio) : Math.max(scale, ratio);
    }
    return scale;
  }

  private static List<Dimension> keptRatio(
      InferenceContext context, Shape shape, int[] axes, List<Dimension> wanted) {
    boolean known = wanted.stream().allMatch(Dimension::isKnown);
    for (int axis : axes) {
      known &= shape.dimension(axis).isKnown();
    }
    List<Dimension> sizes = new ArrayList<>();
    double scale = known ? commonScale(context, sizes(shape), axes, wanted) : 0;
    for (int axis : axes) {
      sizes.add(
          known
              ? Dimension.of((long) (scale * shape.dimension(axis).size() + 0.5))
              : Dimension.unknown());
    }
    return sizes;
  }

  /** The known sizes, 0 for others. */
  private static long[] sizes(Shape shape) {
    return shape.dimensions().stream().mapToLong(d -> d.isKnown() ? d.size() : 0).toArray();
  }

  // ---- lowering

  private static int coordinates(InferenceContext context) {
    String mode =
        isOld(context)
            ? "asymmetric"
            : context.node().text("coordinate_transformation_mode", "half_pixel");
    if (mode.equals("tf_half_pixel_for_nn")) { // of operator set 11 only
      throw Shapes.unsupported(context, "coordinates '" + mode + "'");
    }
    int index = COORDINATES.indexOf(mode);
    Arguments.require(
        index >= 0 && !mode.isEmpty(), "coordinate_transformation_mode is '" + mode + "'");
    return index;
  }

  private static int method(Node node) {
    String mode = node.text("mode", "nearest");
    return switch (mode) {
      case "nearest" -> 0;
      case "linear", "bilinear" -> 1;
      case "cubic" -> 2;
      default -> throw new IllegalArgumentException("mode is '" + mode + "'");
    };
  }

  /** The begins and ends of the region; null when they are computed from data. */
  private static float[] regions(InferenceContext context, int count) {
    Tensor constant = context.inputConstant(1);
    float[] regions = constant == null ? null : constant.toFloats();
    Arguments.require(
        regions == null || regions.length == 2 * count, "a region of other axes than the sizes");
    return regions;
  }

  static NativeCall lower(InferenceContext context) {
    Node node = context.node();
    long[] in = Arguments.sizes(context, 0);
    long[] out = Arguments.outputSizes(context, 0);
    int rank = in.length;
    int[] axes = axes(context, rank);
    String rounding = isOld(context) ? "floor" : node.text("nearest_mode", "round_prefer_floor");
    Arguments.require(ROUNDINGS.contains(rounding), "nearest_mode is '" + rounding + "'");
    double[] floats = new double[2 + 3 * rank];
    floats[0] = node.number("cubic_coeff_a", -0.75f);
    floats[1] = node.number("extrapolation_value", 0);
    Arrays.fill(floats, 2, 2 + rank, 1);
    Arrays.fill(floats, 2 + 2 * rank, floats.length, 1);
    float[] scales = scales(context);
    for (int i = 0; i < axes.length; i++) {
      floats[2 + axes[i]] = scale(context, in, out, axes, i, scales);
    }
    int coordinates = coordinates(context);
    if (coordinates == CROP_AND_RESIZE) {
      float[] regions = regions(context, axes.length);
      if (regions == null) {
        throw Shapes.unsupported(context, "its region depends on data");
      }
      for (int i = 0; i < axes.length; i++) {
        floats[2 + rank + axes[i]] = regions[i];
        floats[2 + 2 * rank + axes[i]] = regions[i + axes.length];
      }
    }
    long[] integers = {
      method(node),
      coordinates,
      ROUNDINGS.indexOf(rounding),
      node.integer("exclude_outside", 0),
      node.integer("antialias", 0)
    };
    return NativeCall.of("Resize", 1, integers, floats);
  }

  private static double scale(
      InferenceContext context, long[] in, long[] out, int[] axes, int index, float[] scales) {
    if (in[axes[index]] == 0) {
      return 1;
    }
    if (!hasSizes(context)) {
      if (scales == null) {
        throw Shapes.unsupported(context, "its scales depend on data");
      }
      return scales[index];
    }
    if (keepsAspectRatio(context)) {
      List<Dimension> wanted = context.inputDimensions(3);
      if (wanted == null || !wanted.stream().allMatch(Dimension::isKnown)) {
        throw Shapes.unsupported(context, "its sizes depend on data");
      }
      return commonScale(context, in, axes, wanted);
    }
    return Math.max(out[axes[index]], Double.MIN_NORMAL) / in[axes[index]];
  }
}
