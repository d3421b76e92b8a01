package io.github.demitasse.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.demitasse.Model;
import io.github.demitasse.format.npz.Npz;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.Transparency;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.WritableRaster;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Folders of images as data, with a model whose three scores are the means of the channels. */
class ImageDataTest {
  @TempDir Path folder;
  private Path model;
  private Path images;

  @BeforeEach
  void prepare() throws Exception {
    model = folder.resolve("means.onnx");
    means(Dimension.symbol("height")).save(model);
    images = Files.createDirectory(folder.resolve("images"));
  }

  private static Model means(Dimension height) {
    ValueInfo input =
        new ValueInfo(
            "image",
            DataType.FLOAT32,
            Shape.of(
                Dimension.symbol("batch"), Dimension.of(3), height, Dimension.symbol("width")));
    float[] identity = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    Map<String, Weight> weights =
        Map.of("scores.weight", new DenseWeight(Tensor.of(identity, 3, 3)));
    Graph graph =
        new Graph(
            "means",
            Map.of("", 17),
            List.of(input),
            List.of(new ValueInfo("scores", DataType.FLOAT32, null)),
            List.of(
                Node.of("pool", "GlobalAveragePool", List.of("image"), List.of("pooled")),
                Node.of("flatten", "Flatten", List.of("pooled"), List.of("flat")),
                Node.of("matmul", "MatMul", List.of("flat", "scores.weight"), List.of("scores"))),
            Map.of());
    return new Model(graph, weights, Map.of());
  }

  private Path image(String name, Color color, int width, int height) throws Exception {
    Path file = images.resolve(name);
    Files.createDirectories(file.getParent());
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    graphics.setColor(color);
    graphics.fillRect(0, 0, width, height);
    graphics.dispose();
    ImageIO.write(image, "png", file.toFile());
    return file;
  }

  private void classes() throws Exception {
    image("1 red/a.png", new Color(200, 20, 10), 9, 7);
    image("1 red/b.png", new Color(90, 20, 80), 30, 20);
    image("2 green/a.png", new Color(20, 200, 10), 9, 7);
    image("3 blue/a.png", new Color(20, 30, 60), 9, 7);
  }

  private Path yaml(String text) throws Exception {
    return Files.writeString(folder.resolve("preprocess.yaml"), text);
  }

  @Test
  void theFoldersNamesAreTheLabels() throws Exception {
    classes();
    JsonNode json = Cli.run("evaluate", model, "--data", images, "--json").json();
    assertEquals(4, json.get("samples").asInt());
    assertEquals(1.0, json.get("accuracy").asDouble());
    JsonNode turned =
        Cli.run(
                "evaluate",
                model,
                "--data",
                images,
                "--preprocess",
                yaml("channels: bgr"),
                "--json")
            .json();
    assertEquals(0.25, turned.get("accuracy").asDouble());
  }

  @Test
  void aFileOfLabels() throws Exception {
    image("x.png", Color.RED, 4, 4);
    image("y.png", Color.BLUE, 4, 4);
    Path labels = Files.writeString(images.resolve("labels.tsv"), "x.png\t0\n\ny.png\t1\n");
    JsonNode json =
        Cli.run("evaluate", model, "--data", images, "--labels", labels, "--json").json();
    assertEquals(0.5, json.get("accuracy").asDouble());
    Files.writeString(labels, "x.png\t0\n");
    Cli.run("evaluate", model, "--data", images, "--labels", labels)
        .failed("labels.tsv", "no label for y.png");
    Files.writeString(labels, "x.png\t0\nother/z.png\t2\ny.png\t1\n");
    assertEquals(
        json,
        Cli.run("evaluate", model, "--data", images, "--labels", labels, "--json").json(),
        "lines of other images are passed over");
    Files.writeString(labels, "x.png\t0\ny.png\t1\nx.png\t2\n");
    Cli.run("evaluate", model, "--data", images, "--labels", labels)
        .failed("labels.tsv:3: x.png is 2, and was 0");
    Files.writeString(labels, "x.png\t0\ny.png\t3\n");
    Cli.run("evaluate", model, "--data", images, "--labels", labels)
        .failed("y.png: label 3", "classes 0 to 2");
    Files.writeString(labels, "x.png 0\n");
    Cli.run("evaluate", model, "--data", images, "--labels", labels).failed("labels.tsv:1");
  }

  @Test
  void withoutLabelsThereMustBeAnOriginal() throws Exception {
    image("x.png", Color.RED, 4, 4);
    Cli.run("evaluate", model, "--data", images).failed("--against");
    JsonNode json =
        Cli.run("evaluate", model, "--data", images, "--against", model, "--json").json();
    assertEquals(1.0, json.get("cosine_min").asDouble(), 1e-9);
  }

  @Test
  void brokenImagesAreNamedAndCountedAndSkippedOnlyIfAsked() throws Exception {
    classes();
    Files.writeString(images.resolve("1 red/notes.txt"), "not an image");
    byte[] whole = Files.readAllBytes(images.resolve("1 red/b.png"));
    Files.write(images.resolve("2 green/cut.png"), java.util.Arrays.copyOf(whole, 40));
    Cli.run("evaluate", model, "--data", images)
        .failed("2 of 6 files", "notes.txt", "cut.png", "--skip-broken");
    Cli.Result result =
        Cli.run("evaluate", model, "--data", images, "--skip-broken", "--json", "--batch", 2);
    JsonNode json = result.json();
    assertEquals(4, json.get("samples").asInt());
    assertEquals(2, json.get("skipped").asInt());
    assertEquals(1.0, json.get("accuracy").asDouble());
    assertTrue(result.err().contains("cut.png"), result.err());
  }

  @Test
  void nothingButBrokenImagesIsAnError() throws Exception {
    Files.writeString(images.resolve("a.png"), "text");
    Cli.run("evaluate", model, "--data", images, "--against", model, "--skip-broken")
        .failed("none of the files is an image");
  }

  @Test
  void sizesAreCheckedBeforeDecoding() throws Exception {
    image("big.png", Color.RED, 200, 100);
    Cli.run("evaluate", model, "--data", images, "--against", model, "--max-pixels", 19_999)
        .failed("big.png", "200 x 100 pixels");
    // A header that claims what no memory holds.
    byte[] bytes = Files.readAllBytes(images.resolve("big.png"));
    bytes[16] = 0x7f;
    bytes[20] = 0x7f;
    java.util.zip.CRC32 check = new java.util.zip.CRC32();
    check.update(bytes, 12, 17);
    java.nio.ByteBuffer.wrap(bytes).putInt(29, (int) check.getValue());
    Files.write(images.resolve("big.png"), bytes);
    Cli.run("evaluate", model, "--data", images, "--against", model).failed("big.png", "pixels");
  }

  @Test
  void runWritesOneRowForEachImage() throws Exception {
    classes();
    Path out = folder.resolve("out.npz");
    Path description = yaml("resize: {shortest: 6}\ncrop: {height: 5, width: 5}\nscale: 1\n");
    JsonNode json =
        Cli.run(
                "run",
                model,
                "--input",
                images,
                "--output",
                out,
                "--preprocess",
                description,
                "--json")
            .json();
    assertEquals(4, json.get("files").size());
    Tensor scores = Npz.read(out).get("scores");
    assertArrayEquals(new long[] {4, 3}, scores.shape());
    assertArrayEquals(
        new float[] {200, 20, 10, 90, 20, 80, 20, 200, 10, 20, 30, 60}, scores.toFloats(), 1e-3f);
    Path one = images.resolve("3 blue/a.png");
    Cli.run("run", model, "--input", one, "--output", out, "--preprocess", description, "--json")
        .json();
    assertArrayEquals(new float[] {20, 30, 60}, Npz.read(out).get("scores").toFloats(), 1e-3f);
  }

  @Test
  void valuesAreScaledShiftedAndDivided() throws Exception {
    image("x.png", new Color(100, 50, 10), 4, 4);
    Path out = folder.resolve("out.npz");
    Path description =
        yaml("scale: 0.1\nmean: [1, 2, 3]\ndeviation: 2\nresize: {height: 9, width: 2}\n");
    Cli.run("run", model, "--input", images, "--output", out, "--preprocess", description, "--json")
        .json();
    assertArrayEquals(new float[] {4.5f, 1.5f, -1}, Npz.read(out).get("scores").toFloats(), 1e-5f);
  }

  /** An image of one component, or of one and alpha, of 8 or 16 bits: a value and its opacity. */
  private void gray(String name, int bits, int... samples) throws Exception {
    int type = bits == 8 ? DataBuffer.TYPE_BYTE : DataBuffer.TYPE_USHORT;
    boolean alpha = samples.length > 1;
    ComponentColorModel colors =
        new ComponentColorModel(
            ColorSpace.getInstance(ColorSpace.CS_GRAY),
            alpha,
            false,
            alpha ? Transparency.TRANSLUCENT : Transparency.OPAQUE,
            type);
    WritableRaster raster = colors.createCompatibleWritableRaster(4, 4);
    for (int band = 0; band < samples.length; band++) {
      for (int i = 0; i < 16; i++) {
        raster.setSample(i % 4, i / 4, band, samples[band]);
      }
    }
    BufferedImage image = new BufferedImage(colors, raster, false, null);
    assertTrue(
        ImageIO.write(image, name.substring(name.length() - 3), images.resolve(name).toFile()));
  }

  @Test
  void grayValuesAreThoseOfTheFile() throws Exception {
    gray("a.png", 8, 100);
    gray("b.png", 16, 100 * 257);
    gray("c.png", 8, 100, 255);
    gray("d.png", 8, 100, 51); // a fifth on white
    gray("e.jpg", 8, 100);
    Path out = folder.resolve("out.npz");
    for (String channels : List.of("rgb", "bgr")) {
      Path description = yaml("scale: 1\nchannels: " + channels + "\n");
      Cli.run(
              "run",
              model,
              "--input",
              images,
              "--output",
              out,
              "--preprocess",
              description,
              "--json")
          .json();
      float[] scores = Npz.read(out).get("scores").toFloats();
      for (int i = 0; i < scores.length; i++) {
        assertEquals(i / 3 == 3 ? 224 : 100, scores[i], i / 3 == 4 ? 1 : 1e-3f, "image " + i / 3);
      }
    }
  }

  @Test
  void channelsThatTheModelDoesNotTakeAreAnErrorThatSaysWhatToDo() throws Exception {
    image("x.png", Color.RED, 4, 4);
    Cli.run("evaluate", model, "--data", images, "--preprocess", yaml("channels: gray"))
        .failed("GRAY, NCHW, with 1 channel", "[batch, 3, height, width]", "--preprocess");
  }

  @Test
  void descriptionsThatMakeNoSenseAreErrors() throws Exception {
    image("x.png", Color.RED, 4, 4);
    for (String[] wrong :
        new String[][] {
          {"rezise: {height: 3}", "unknown key 'rezise'; known: channels, crop,"},
          {"resize: {widht: 3}", "unknown key 'resize.widht'; known: height, shortest, width"},
          {"crop: {height: 30000, width: 30000}", "--max-pixels"},
          {"mean: [1, 2]", "3 channels"},
          {"deviation: 0", "deviation"},
          {"resize: {height: 3, shortest: 4}", "shortest"},
          {"resize: {height: 0}", "outside"},
          {"crop: {height: 3000000, width: 3}", "outside"},
          {"channels: cmyk", "'channels' is 'cmyk'; expected rgb, bgr, gray"},
          {"scale: many", "'scale' is 'many'; expected a number"},
          {"[1, 2", ""}
        }) {
      Cli.run("evaluate", model, "--data", images, "--preprocess", yaml(wrong[0]))
          .failed("preprocess.yaml", wrong[1]);
    }
  }

  @Test
  void theDescriptionInTheReadmeIsRead() throws Exception {
    classes();
    String readme = Files.readString(Path.of("..", "..", "README.md"));
    int start = readme.indexOf("resize:");
    Path description = yaml(readme.substring(start, readme.indexOf("```", start)));
    Path out = folder.resolve("out.npz");
    Cli.run("run", model, "--input", images, "--output", out, "--preprocess", description, "--json")
        .json();
    assertEquals(4, Npz.read(out).get("scores").dimension(0));
  }

  @Test
  void anEmptyDescriptionIsTheStandardOne() throws Exception {
    classes();
    for (String empty : new String[] {"", "# nothing yet\n"}) {
      JsonNode json =
          Cli.run("evaluate", model, "--data", images, "--preprocess", yaml(empty), "--json")
              .json();
      assertEquals(1.0, json.get("accuracy").asDouble());
    }
  }

  /** Shades of gray stay what they are in color, with transparency, and in a palette. */
  @ParameterizedTest
  @CsvSource({
    "2, png", // BufferedImage.TYPE_INT_ARGB
    "5, jpg", // TYPE_3BYTE_BGR
    "13, png" // TYPE_BYTE_INDEXED
  })
  void grayInColorIsNotBrightened(int type, String format) throws Exception {
    BufferedImage image = new BufferedImage(8, 8, type);
    int shade = 102; // in the palette, too
    for (int i = 0; i < 64; i++) {
      image.setRGB(i % 8, i / 8, 0xff000000 | shade * 0x010101);
    }
    assertTrue(ImageIO.write(image, format, images.resolve("gray." + format).toFile()));
    Path out = folder.resolve("out.npz");
    Path description = yaml("scale: 1");
    Cli.run("run", model, "--input", images, "--output", out, "--preprocess", description, "--json")
        .json();
    assertArrayEquals(
        new float[] {shade, shade, shade}, Npz.read(out).get("scores").toFloats(), 0.5f);
  }

  @Test
  void narrowImagesAreResizedWithinTheLimit() throws Exception {
    image("line.png", Color.RED, 20_000, 1);
    Path out = folder.resolve("out.npz");
    Cli.run(
            "run",
            model,
            "--input",
            images,
            "--output",
            out,
            "--max-pixels",
            20_000,
            "--preprocess",
            yaml("resize: {height: 20000, width: 1}"),
            "--json")
        .json();
    assertArrayEquals(new float[] {1, 0, 0}, Npz.read(out).get("scores").toFloats(), 1e-3f);
    Cli.run(
            "run",
            model,
            "--input",
            images,
            "--output",
            out,
            "--max-pixels",
            20_000,
            "--preprocess",
            yaml("resize: {shortest: 2}"))
        .failed("line.png", "after resizing", "pixels");
  }

  @Test
  void imagesThatDoNotFitTheModelAreNamed() throws Exception {
    classes();
    means(Dimension.of(5)).save(model);
    for (Object[] command :
        new Object[][] {
          {"evaluate", model, "--data", images},
          {"run", model, "--input", images, "--output", folder.resolve("out.npz")},
          {
            "compress",
            model,
            "--preset",
            "int8-static",
            "--calibration",
            images,
            "-o",
            folder.resolve("small.dmt")
          }
        }) {
      Cli.run(command)
          .failed("a.png", "[1, 3, 7, 9]", "image: FLOAT32[batch, 3, 5", "--preprocess");
    }
  }

  @Test
  void layersAreAnalyzedOnImages() throws Exception {
    classes();
    JsonNode json =
        Cli.run(
                "analyze",
                model,
                "--data",
                images,
                "--formats",
                "int8,int4,int8-static",
                "--metric",
                "--json")
            .json();
    assertEquals(1.0, json.get("original_accuracy").asDouble());
    JsonNode layers = json.get("layers");
    assertEquals(3, layers.size());
    assertEquals(1.0, layers.get(0).get("accuracy").asDouble());
    assertTrue(layers.get(1).get("reason").asText().contains("groups of 32"), "3 inputs");
    assertTrue(layers.get(2).get("output_sqnr_db").asDouble() > 20, layers.toString());
    Cli.run("analyze", model, "--data", images.resolve("1 red"), "--metric")
        .failed("1 red: --metric needs labels", "folder for each class");
  }

  @Test
  void imagesCalibrate() throws Exception {
    classes();
    Path small = folder.resolve("small.dmt");
    Cli.run(
            "compress",
            model,
            "--preset",
            "int8-static",
            "--calibration",
            images,
            "-o",
            small,
            "--json")
        .json();
    JsonNode json = Cli.run("evaluate", small, "--data", images, "--json").json();
    assertEquals(1.0, json.get("accuracy").asDouble());
  }
}
