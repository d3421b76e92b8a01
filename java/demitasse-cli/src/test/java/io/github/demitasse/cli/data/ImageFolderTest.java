package io.github.demitasse.cli.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageFolderTest {
  @TempDir Path folder;

  private static Model model() {
    Graph graph =
        new Graph(
            "any",
            Map.of("", 17),
            List.of(new ValueInfo("image", DataType.FLOAT32, null)),
            List.of(new ValueInfo("result", DataType.FLOAT32, null)),
            List.of(Node.of("relu", "Relu", List.of("image"), List.of("result"))),
            Map.of());
    return new Model(graph, Map.of(), Map.of());
  }

  private long[] labels(int atMost) throws Exception {
    ImageDecoder decoder = new ImageDecoder(ImagePreprocessing.standard(), 100);
    ImageFolder images = ImageFolder.open(folder, model(), decoder, null, false, atMost);
    int count = 0;
    for (Map<String, Tensor> sample : images) {
      sample.values().forEach(Tensor::close);
      count++;
    }
    assertEquals(images.size(), count);
    return images.labels();
  }

  @Test
  void someOfAFolderAreOfAllClasses() throws Exception {
    for (int i = 0; i < 9; i++) {
      Path of = Files.createDirectories(folder.resolve("class " + i / 3));
      BufferedImage image = new BufferedImage(2, 2, BufferedImage.TYPE_INT_RGB);
      ImageIO.write(image, "png", of.resolve(i + ".png").toFile());
    }
    assertArrayEquals(new long[] {0, 1, 2}, labels(3));
    assertArrayEquals(new long[] {0, 0, 1, 2}, labels(4));
    assertArrayEquals(new long[] {0, 0, 0, 1, 1, 1, 2, 2, 2}, labels(9));
    assertArrayEquals(new long[] {0, 0, 0, 1, 1, 1, 2, 2, 2}, labels(10));
  }
}
