package io.github.demitasse.cli;

import io.github.demitasse.cli.data.ImageFolder;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.tensor.Tensor;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Confined to one thread: a model on images, one after the other. */
final class ImageRun {
  private ImageRun() {}

  /**
   * The outputs of all images, joined along their first axes.
   *
   * @throws IllegalArgumentException if they have different shapes, naming the images
   */
  static Map<String, Tensor> of(Session session, ImageFolder images) {
    Map<String, List<Tensor>> parts = new LinkedHashMap<>();
    for (Map<String, Tensor> sample : images) {
      run(session, sample, images).forEach((name, t) -> list(parts, name).add(t));
      sample.values().forEach(Tensor::close);
    }
    Map<String, Tensor> outputs = new LinkedHashMap<>();
    parts.forEach((name, tensors) -> outputs.put(name, join(name, tensors, images)));
    return outputs;
  }

  private static Map<String, Tensor> run(
      Session session, Map<String, Tensor> sample, ImageFolder images) {
    try {
      return session.run(sample);
    } catch (IllegalArgumentException unfit) {
      String image = images.nameOf(images.delivered().size() - 1);
      throw new IllegalArgumentException(image + ": " + unfit.getMessage(), unfit);
    }
  }

  private static List<Tensor> list(Map<String, List<Tensor>> parts, String name) {
    return parts.computeIfAbsent(name, key -> new ArrayList<>());
  }

  private static Tensor join(String name, List<Tensor> parts, ImageFolder images) {
    Tensor first = parts.get(0);
    if (parts.size() == 1) {
      return first;
    }
    if (first.rank() == 0) {
      throw new IllegalArgumentException("output '" + name + "' has no axis to join images along");
    }
    for (int i = 1; i < parts.size(); i++) {
      if (!Arrays.equals(parts.get(i).shape(), first.shape())) {
        throw new IllegalArgumentException(
            "output '%s' is %s for %s and %s for %s; resize the images to one size"
                .formatted(
                    name,
                    first,
                    images.delivered().get(0),
                    parts.get(i),
                    images.delivered().get(i)));
      }
    }
    long[] shape = first.shape();
    shape[0] = Math.multiplyExact(shape[0], (long) parts.size());
    Tensor joined = Tensor.allocate(first.type(), shape);
    ByteBuffer to = joined.buffer();
    for (Tensor part : parts) {
      to.put(part.buffer());
      part.close();
    }
    return joined;
  }
}
