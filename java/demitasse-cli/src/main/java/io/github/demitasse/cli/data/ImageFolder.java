package io.github.demitasse.cli.data;

import io.github.demitasse.Model;
import io.github.demitasse.cli.data.ImageDecoder.BrokenImageException;
import io.github.demitasse.cli.data.ImagePreprocessing.Layout;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.imageio.ImageIO;

/**
 * Confined to one thread: the images of a folder, or one image, as samples in the order of their
 * names; decoded as they are asked for.
 */
public final class ImageFolder implements Dataset {
  private static final int MOST_NAMED = 10;

  private final Path folder;
  private final List<Path> files;
  private final ValueInfo input;
  private final ImageDecoder decoder;
  private final boolean skipBroken;
  private final Map<Path, Integer> labels;
  private final Map<Path, String> broken = new TreeMap<>();
  private List<Path> delivered = new ArrayList<>();

  private ImageFolder(
      Path folder,
      List<Path> files,
      ValueInfo input,
      ImageDecoder decoder,
      boolean skipBroken,
      Map<Path, Integer> labels) {
    this.folder = folder;
    this.files = files;
    this.input = input;
    this.decoder = decoder;
    this.skipBroken = skipBroken;
    this.labels = labels;
  }

  /** True for folders and for files that are called like images. */
  public static boolean isImages(Path data) {
    String name = data.getFileName() == null ? "" : data.getFileName().toString();
    String ending = name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
    return Files.isDirectory(data) || List.of(ImageIO.getReaderFileSuffixes()).contains(ending);
  }

  /**
   * The images at a place, for a model's only input.
   *
   * @param labelFile lines of file TAB label, or null: then the names of the folders that the
   *     images are in are their labels, if there are any
   * @param atMost where there are more images, so many at even distances in the order of names
   * @param skipBroken what is no image is passed over and listed in {@link #broken}
   * @throws IllegalArgumentException if there are none, or they do not fit the model or the labels
   */
  static ImageFolder open(
      Path data, Model model, ImageDecoder decoder, Path labelFile, boolean skipBroken, int atMost)
      throws IOException {
    List<Path> files = files(data, labelFile, atMost);
    if (files.isEmpty()) {
      throw new IllegalArgumentException(data + ": no images");
    }
    Map<Path, Integer> labels =
        labelFile != null ? ImageLabels.read(labelFile, data, files) : ofFolders(data, files);
    return new ImageFolder(data, files, input(model, decoder), decoder, skipBroken, labels);
  }

  private static ValueInfo input(Model model, ImageDecoder decoder) {
    List<ValueInfo> inputs = model.graph().inputs();
    ValueInfo first = inputs.isEmpty() ? null : inputs.get(0);
    boolean image =
        inputs.size() == 1
            && (first.type() == null || first.type() == DataType.FLOAT32)
            && (first.shape() == null || first.shape().rank() == 4);
    if (!image) {
      throw new IllegalArgumentException(
          "images need a model with one FLOAT32 input of four dimensions; this one has " + inputs);
    }
    requireChannels(first, decoder.preprocessing());
    return first;
  }

  private static void requireChannels(ValueInfo input, ImagePreprocessing preprocessing) {
    if (input.shape() == null) {
      return;
    }
    int count = preprocessing.channels().count();
    Dimension channels = input.shape().dimension(preprocessing.layout() == Layout.NCHW ? 1 : 3);
    if (channels.isKnown() && !channels.is(count)) {
      throw new IllegalArgumentException(
          "images are read as %s, %s, with %d %s, and the model takes %s; --preprocess says how"
              .formatted(
                  preprocessing.channels(),
                  preprocessing.layout(),
                  count,
                  count == 1 ? "channel" : "channels",
                  input));
    }
  }

  private static List<Path> files(Path data, Path labelFile, int atMost) throws IOException {
    if (!Files.isDirectory(data)) {
      return List.of(data);
    }
    Path labels = labelFile == null ? null : labelFile.toAbsolutePath().normalize();
    try (Stream<Path> all = Files.walk(data)) {
      return all.filter(Files::isRegularFile)
          .filter(file -> !file.getFileName().toString().startsWith("."))
          .filter(file -> !file.toAbsolutePath().normalize().equals(labels))
          .sorted()
          .collect(Collectors.collectingAndThen(Collectors.toList(), f -> spread(f, atMost)));
    }
  }

  /** So many at even distances: the first alone would often be of one class. */
  private static List<Path> spread(List<Path> all, int atMost) {
    if (all.size() <= atMost) {
      return all;
    }
    List<Path> some = new ArrayList<>();
    for (int i = 0; i < atMost; i++) {
      some.add(all.get((int) ((long) i * all.size() / atMost)));
    }
    return some;
  }

  /** The folders directly in the data's, in the order of their names, numbered; or null. */
  private static Map<Path, Integer> ofFolders(Path data, List<Path> files) {
    Set<String> names = new TreeSet<>();
    for (Path file : files) {
      Path relative = data.relativize(file);
      if (!Files.isDirectory(data) || relative.getNameCount() < 2) {
        return null;
      }
      names.add(relative.getName(0).toString());
    }
    List<String> classes = List.copyOf(names);
    Map<Path, Integer> labels = new TreeMap<>();
    for (Path file : files) {
      labels.put(file, classes.indexOf(data.relativize(file).getName(0).toString()));
    }
    return labels;
  }

  /** True when every image has a label. */
  public boolean hasLabels() {
    return labels != null;
  }

  /** The labels of the samples that the last iteration gave. */
  public long[] labels() {
    return delivered.stream().mapToLong(labels::get).toArray();
  }

  /** The files whose samples the last iteration gave. */
  public List<Path> delivered() {
    return List.copyOf(delivered);
  }

  /** What was passed over so far, and why. */
  public Map<Path, String> broken() {
    return new LinkedHashMap<>(broken);
  }

  /** The number of files: how many of them are images is only known when all have been decoded. */
  @Override
  public long size() {
    return files.size();
  }

  @Override
  public String nameOf(long sample) {
    return delivered.get(Math.toIntExact(sample)).toString();
  }

  @Override
  public Iterator<Map<String, Tensor>> iterator() {
    List<Path> given = new ArrayList<>();
    delivered = given;
    return new Iterator<>() {
      private final Iterator<Path> rest = files.iterator();
      private Tensor next;
      private Path source;

      @Override
      public boolean hasNext() {
        while (next == null && rest.hasNext()) {
          source = rest.next();
          next = decoded(source);
        }
        return next != null;
      }

      @Override
      public Map<String, Tensor> next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        Map<String, Tensor> sample = Map.of(input.name(), next);
        given.add(source);
        next = null;
        return sample;
      }
    };
  }

  /** The image, or null if it is broken and may be passed over. */
  private Tensor decoded(Path file) {
    try {
      return fitting(file, decoder.decode(file));
    } catch (BrokenImageException reason) {
      broken.put(file, reason.getMessage());
      if (!skipBroken) {
        throw allBroken();
      }
      if (broken.size() == files.size()) {
        throw new IllegalArgumentException(folder + ": none of the files is an image");
      }
      return null;
    }
  }

  private Tensor fitting(Path file, Tensor sample) {
    for (int axis = 1; input.shape() != null && axis < sample.rank(); axis++) {
      if (input.shape().dimension(axis) instanceof Dimension.Known known
          && known.value() != sample.dimension(axis)) {
        String given = sample.toString();
        sample.close();
        throw new IllegalArgumentException(
            file
                + ": gives "
                + given
                + ", and the model's input is "
                + input
                + "; say in --preprocess how to resize, and its channels and layout");
      }
    }
    return sample;
  }

  /** Names all images that cannot be decoded, not only the first that was met. */
  private IllegalArgumentException allBroken() {
    for (Path file : files) {
      try {
        decoder.decode(file).close();
      } catch (BrokenImageException reason) {
        broken.put(file, reason.getMessage());
      }
    }
    StringBuilder message = new StringBuilder(folder + ": " + broken.size() + " of ");
    message.append(files.size()).append(" files cannot be decoded");
    int named = 0;
    for (Map.Entry<Path, String> entry : broken.entrySet()) {
      if (named++ == MOST_NAMED) {
        message.append("; ...");
        break;
      }
      message.append(named == 1 ? ": " : "; ");
      message.append(entry.getKey()).append(" (").append(entry.getValue()).append(')');
    }
    return new IllegalArgumentException(message + ". --skip-broken goes on without them");
  }
}
