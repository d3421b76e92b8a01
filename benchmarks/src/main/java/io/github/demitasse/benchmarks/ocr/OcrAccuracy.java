package io.github.demitasse.benchmarks.ocr;

import io.github.demitasse.format.npz.Npz;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.tensor.Tensor;
import java.awt.Rectangle;
import java.awt.image.BufferedImage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What the PP-OCRv4 models read of rendered text, before and after compression.
 *
 * <p>Arguments: {@code calibration MODELS}: writes samples of other words than those of the test as
 * MODELS/NAME.calibration.npz; or {@code measure MODELS [COMPRESSED [SEED]]}: measures the .onnx
 * files of the first folder and those of the same names, .dmt or .onnx, of the second, on images
 * that the seed decides.
 */
public final class OcrAccuracy {
  private static final int LINES = 1000;
  private static final int PAGES = 40;
  private static final int PAGE_SIZE = 640;

  private static final int CALIBRATION_LINES = 128;
  private static final int CALIBRATION_PAGES = 12;

  private final long seed;

  private OcrAccuracy(long seed) {
    this.seed = seed;
  }

  public static void main(String[] arguments) throws Exception {
    String task = arguments.length == 0 ? "" : arguments[0];
    if (task.equals("calibration") && arguments.length == 2) {
      calibration(Path.of(arguments[1]));
    } else if (task.equals("measure") && arguments.length >= 2) {
      Path compressed = arguments.length > 2 ? Path.of(arguments[2]) : null;
      long seed = arguments.length > 3 ? Long.parseLong(arguments[3]) : TextImages.Set.TEST.seed();
      new OcrAccuracy(seed).measure(Path.of(arguments[1]), compressed);
    } else {
      System.err.println("calibration MODELS | measure MODELS [COMPRESSED [SEED]]");
      System.exit(2);
    }
  }

  private static int width(OcrModel model) {
    return (int) model.shape(1)[3];
  }

  // ---- calibration

  private static void calibration(Path folder) {
    for (OcrModel model : OcrModel.values()) {
      TextImages images = new TextImages(TextImages.Set.CALIBRATION);
      List<Tensor> samples = new ArrayList<>();
      boolean pages = model == OcrModel.DETECTION;
      for (int i = 0; i < (pages ? CALIBRATION_PAGES : CALIBRATION_LINES); i++) {
        samples.add(
            pages
                ? OcrInputs.page(images.page(PAGE_SIZE).image())
                : OcrInputs.line(directed(images.line().image(), model, i), width(model)));
      }
      Path file = folder.resolve(model.file() + ".calibration.npz");
      Npz.write(Map.of(OcrModel.INPUT, joined(samples)), file);
      System.out.println(file);
    }
  }

  private static Tensor joined(List<Tensor> samples) {
    long[] shape = samples.get(0).shape();
    shape[0] = samples.size();
    Tensor all = Tensor.allocate(samples.get(0).type(), shape);
    var to = all.buffer();
    samples.forEach(sample -> to.put(sample.buffer()));
    return all;
  }

  /** Every second line stands on its head where the direction is what is asked for. */
  private static BufferedImage directed(BufferedImage line, OcrModel model, int index) {
    return model == OcrModel.DIRECTION && index % 2 == 1 ? TextImages.turned(line) : line;
  }

  // ---- measuring

  private void measure(Path original, Path compressed) throws Exception {
    CharacterDecoder decoder = CharacterDecoder.read(original.resolve("ppocr_keys_v1.txt"));
    System.out.println("| model | file | figure | value |");
    System.out.println("|---|---|---|---|");
    List<List<Rectangle>> reference = detect(file(original, OcrModel.DETECTION));
    for (Path folder : compressed == null ? List.of(original) : List.of(original, compressed)) {
      Path recognition = file(folder, OcrModel.RECOGNITION);
      if (recognition != null) {
        recognize(recognition, decoder);
      }
      Path direction = file(folder, OcrModel.DIRECTION);
      if (direction != null) {
        direct(direction);
      }
      Path detection = file(folder, OcrModel.DETECTION);
      if (detection != null) {
        compareBoxes(detection, folder == original ? reference : detect(detection), reference);
      }
    }
  }

  /** The model's file in a folder, or null. */
  private static Path file(Path folder, OcrModel model) {
    for (String ending : List.of(".dmt", ".onnx")) {
      Path file = folder.resolve(model.file() + ending);
      if (Files.isRegularFile(file)) {
        return file;
      }
    }
    return null;
  }

  private static void print(OcrModel model, Path file, String figure, double value) {
    System.out.printf(
        Locale.ROOT, "| %s | %s | %s | %.4f |%n", model, file.getFileName(), figure, value);
  }

  private static Tensor run(Session session, Tensor input) {
    return session.run(Map.of(OcrModel.INPUT, input)).values().iterator().next();
  }

  private void recognize(Path file, CharacterDecoder decoder) {
    TextImages images = new TextImages(TextImages.Set.TEST, seed);
    int exact = 0;
    int errors = 0;
    int characters = 0;
    try (Session session = Session.open(file)) {
      for (int i = 0; i < LINES; i++) {
        TextImages.Line line = images.line();
        int width = Math.max(width(OcrModel.RECOGNITION), line.image().getWidth());
        String read = decoder.decode(run(session, OcrInputs.line(line.image(), width)));
        String wanted = withoutSpaces(line.text());
        String given = withoutSpaces(read);
        exact += given.equals(wanted) ? 1 : 0;
        errors += CharacterDecoder.distance(given, wanted);
        characters += wanted.length();
      }
    }
    print(OcrModel.RECOGNITION, file, "exact-match rate", (double) exact / LINES);
    print(OcrModel.RECOGNITION, file, "character error rate", (double) errors / characters);
  }

  /** As PaddleOCR's own measure: the model was trained on Chinese and drops most of them. */
  private static String withoutSpaces(String text) {
    return text.replace(" ", "");
  }

  private void direct(Path file) {
    TextImages images = new TextImages(TextImages.Set.TEST, seed);
    int right = 0;
    try (Session session = Session.open(file)) {
      for (int i = 0; i < LINES; i++) {
        BufferedImage line = directed(images.line().image(), OcrModel.DIRECTION, i);
        float[] scores = run(session, OcrInputs.line(line, width(OcrModel.DIRECTION))).toFloats();
        right += (scores[1] > scores[0] ? 1 : 0) == i % 2 ? 1 : 0;
      }
    }
    print(OcrModel.DIRECTION, file, "accuracy", (double) right / LINES);
  }

  private List<List<Rectangle>> detect(Path file) {
    TextImages images = new TextImages(TextImages.Set.TEST, seed);
    List<List<Rectangle>> boxes = new ArrayList<>();
    try (Session session = Session.open(file)) {
      for (int i = 0; i < PAGES; i++) {
        boxes.add(TextBoxes.of(run(session, OcrInputs.page(images.page(PAGE_SIZE).image()))));
      }
    }
    return boxes;
  }

  private void compareBoxes(
      Path file, List<List<Rectangle>> found, List<List<Rectangle>> reference) {
    TextImages images = new TextImages(TextImages.Set.TEST, seed);
    List<Double> toTruth = new ArrayList<>();
    List<Double> toReference = new ArrayList<>();
    for (int i = 0; i < PAGES; i++) {
      List<Rectangle> truth = images.page(PAGE_SIZE).lines();
      toTruth.addAll(TextBoxes.overlaps(truth, found.get(i)));
      toReference.addAll(TextBoxes.overlaps(reference.get(i), found.get(i)));
    }
    print(OcrModel.DETECTION, file, "mean IoU with the rendered lines", mean(toTruth));
    print(OcrModel.DETECTION, file, "mean IoU with FP32's boxes", mean(toReference));
  }

  private static double mean(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).average().orElse(0);
  }
}
