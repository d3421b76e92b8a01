package io.github.demitasse.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TensorTest {
  @ParameterizedTest
  @EnumSource(value = DataType.class, mode = EnumSource.Mode.EXCLUDE, names = "STRING")
  void newTensorsAreZeroAndAligned(DataType type) {
    try (Tensor tensor = Tensor.allocate(type, 3, 7)) {
      assertEquals((21 * type.bits() + 7) / 8, tensor.byteSize());
      assertEquals(tensor.byteSize(), tensor.buffer().remaining());
      assertEquals(0, tensor.buffer().alignmentOffset(0, Tensor.ALIGNMENT));
      assertEquals(ByteOrder.LITTLE_ENDIAN, tensor.buffer().order());
      for (byte value : tensor.toBytes()) {
        assertEquals(0, value);
      }
    }
  }

  @Test
  void everySizeCanBeAllocated() {
    for (int bytes = 0; bytes < 200; bytes++) {
      try (Tensor tensor = Tensor.allocate(DataType.UINT8, bytes)) {
        assertEquals(bytes, tensor.buffer().remaining());
      }
    }
  }

  @Test
  void aScalarHasOneElement() {
    try (Tensor tensor = Tensor.scalar(2.5f)) {
      assertEquals(0, tensor.rank());
      assertEquals(1, tensor.elements());
      assertArrayEquals(new float[] {2.5f}, tensor.toFloats());
      assertEquals("FLOAT32[]", tensor.toString());
    }
  }

  @Test
  void closingTwiceIsHarmlessAndUseAfterCloseIsAnError() {
    Tensor tensor = Tensor.of(new float[] {1, 2}, 2);
    tensor.close();
    tensor.close();
    assertTrue(tensor.isClosed());
    assertThrows(IllegalStateException.class, tensor::buffer);
    assertThrows(IllegalStateException.class, tensor::acquire);
    assertThrows(IllegalStateException.class, tensor::toFloats);
    assertThrows(IllegalStateException.class, tensor::toBytes);
    assertThrows(IllegalStateException.class, tensor::copy);
    assertThrows(IllegalStateException.class, () -> tensor.rows(0, 1));
    assertThrows(IllegalStateException.class, () -> tensor.reshaped(1, 2));
    assertEquals(2, tensor.elements());
  }

  @Test
  void aBufferHandedOutOutlivesTheTensor() {
    Tensor tensor = Tensor.of(new float[] {1, 2}, 2);
    ByteBuffer buffer = tensor.buffer();
    Tensor view = tensor.reshaped(1, 2);
    tensor.close();
    System.gc();
    assertEquals(2, buffer.getFloat(4));
    assertArrayEquals(new float[] {1, 2}, view.toFloats());
  }

  @Test
  void viewsOutliveTheTensorTheyWereTakenFrom() {
    List<Tensor> rows = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      float[] values = new float[1000];
      Arrays.fill(values, i);
      try (Tensor tensor = Tensor.of(values, 10, 100)) {
        Tensor closedFirst = tensor.rows(0, 5);
        rows.add(tensor.reshaped(20, 50).rows(3, 4));
        closedFirst.close();
      }
    }
    System.gc();
    for (int i = 0; i < 100; i++) {
      Tensor.allocate(DataType.FLOAT32, 1000).close(); // would take memory given back too early
      float[] expected = new float[50];
      Arrays.fill(expected, i);
      assertArrayEquals(expected, rows.get(i).toFloats());
    }
  }

  @Test
  void acquiredMemoryStaysUntilItsRelease() {
    Tensor tensor = Tensor.of(new float[] {1, 2}, 2);
    ByteBuffer buffer = tensor.acquire();
    tensor.close();
    assertEquals(2, buffer.getFloat(4));
    assertThrows(IllegalStateException.class, tensor::acquire);
    tensor.release();
    assertThrows(IllegalStateException.class, tensor::release);
  }

  @Test
  void concurrentReadersNeverSeeFreedMemory() throws Exception {
    int threads = 4;
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    try {
      for (int round = 0; round < 200; round++) {
        long[] values = new long[1000];
        Arrays.fill(values, round);
        Tensor tensor = Tensor.of(values, 1000);
        CountDownLatch start = new CountDownLatch(threads);
        List<Future<Boolean>> results = new ArrayList<>();
        for (int thread = 0; thread < threads; thread++) {
          boolean closes = thread == 0;
          long expected = round;
          results.add(
              pool.submit(
                  () -> {
                    start.countDown();
                    start.await();
                    if (closes) {
                      tensor.close();
                      return true;
                    }
                    try {
                      for (long value : tensor.toLongs()) {
                        if (value != expected) {
                          return false;
                        }
                      }
                    } catch (IllegalStateException closed) {
                      return true;
                    }
                    return true;
                  }));
        }
        for (Future<Boolean> result : results) {
          assertTrue(result.get());
        }
      }
    } finally {
      pool.shutdownNow();
    }
  }

  @Test
  void closingFreesMemoryAtOnce() {
    BufferPoolMXBean direct =
        ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
            .filter(pool -> pool.getName().equals("direct"))
            .findFirst()
            .orElseThrow();
    Tensor tensor = Tensor.allocate(DataType.UINT8, 64 << 20);
    long before = direct.getMemoryUsed();
    tensor.toBytes();
    tensor.close();
    assertTrue(direct.getMemoryUsed() <= before - (64 << 20));
  }

  @Test
  void viewsShareTheirBytes() {
    ByteBuffer memory = ByteBuffer.allocateDirect(16).order(ByteOrder.LITTLE_ENDIAN);
    Tensor view = Tensor.view(DataType.FLOAT32, memory, 2, 2);
    memory.putFloat(12, 7);
    assertArrayEquals(new float[] {0, 0, 0, 7}, view.toFloats());
    assertFalse(view.ownsMemory());
    assertArrayEquals(new float[] {0, 7}, view.rows(1, 2).toFloats());
    assertArrayEquals(new long[] {2, 0}, view.rows(2, 2).reshaped(2, 0).shape());
    try (Tensor copy = view.copy()) {
      memory.putFloat(12, 8);
      assertEquals(7, copy.toFloats()[3]);
    }
  }

  @Test
  void aViewMustFitItsBuffer() {
    assertThrows(
        IllegalArgumentException.class,
        () -> Tensor.view(DataType.FLOAT32, ByteBuffer.allocateDirect(15), 2, 2));
    assertThrows(
        IllegalArgumentException.class,
        () -> Tensor.view(DataType.FLOAT32, ByteBuffer.allocate(16), 2, 2));
    assertThrows(
        IllegalArgumentException.class,
        () -> Tensor.view(DataType.UINT8, ByteBuffer.allocateDirect(1), 1L << 33, 1L << 33));
  }

  @Test
  void impossibleShapesAreRejected() {
    for (long[] shape :
        new long[][] {
          {-1}, {2, -3}, {1L << 62, 4}, {Long.MAX_VALUE}, {1L << 40}, {1 << 31, 0, -1}
        }) {
      assertThrows(IllegalArgumentException.class, () -> Tensor.allocate(DataType.FLOAT32, shape));
    }
    assertThrows(IllegalArgumentException.class, () -> Tensor.allocate(DataType.STRING, 1));
    assertThrows(IllegalArgumentException.class, () -> Tensor.of(new float[3], 2));
    assertThrows(IllegalArgumentException.class, () -> Tensor.scalar(1f).reshaped(1L << 62, 8));
  }

  @Test
  void smallIntegersAreUnpackedWithTheirSigns() {
    byte[] bytes = {(byte) 0xf1, (byte) 0x82, 0x07};
    assertArrayEquals(
        new long[] {1, -1, 2, -8, 7}, Tensor.ofBytes(DataType.INT4, bytes, 5).toLongs());
    assertArrayEquals(
        new long[] {1, 15, 2, 8, 7}, Tensor.ofBytes(DataType.UINT4, bytes, 5).toLongs());
    byte[] pairs = {(byte) 0b11_10_01_00};
    assertArrayEquals(new long[] {0, 1, -2, -1}, Tensor.ofBytes(DataType.INT2, pairs, 4).toLongs());
    assertArrayEquals(new long[] {0, 1, 2, 3}, Tensor.ofBytes(DataType.UINT2, pairs, 4).toLongs());
    assertArrayEquals(
        new float[] {1, -1, 2, -8, 7}, Tensor.ofBytes(DataType.INT4, bytes, 5).toFloats());
  }

  @Test
  void rowsOfFourBitsMustBeWholeBytes() {
    Tensor even = Tensor.ofBytes(DataType.INT4, new byte[] {0x21, 0x43}, 2, 2);
    assertArrayEquals(new long[] {3, 4}, even.rows(1, 2).toLongs());
    Tensor odd = Tensor.ofBytes(DataType.INT4, new byte[] {0x21, 0x03}, 1, 3);
    assertThrows(IllegalArgumentException.class, () -> odd.rows(0, 1));
  }

  @Test
  void rowsOutsideTheTensorAreRejected() {
    Tensor tensor = Tensor.of(new float[6], 3, 2);
    assertThrows(IllegalArgumentException.class, () -> tensor.rows(-1, 1));
    assertThrows(IllegalArgumentException.class, () -> tensor.rows(2, 1));
    assertThrows(IllegalArgumentException.class, () -> tensor.rows(0, 4));
    assertThrows(IllegalArgumentException.class, () -> Tensor.scalar(1f).rows(0, 0));
    assertEquals(0, Tensor.allocate(DataType.FLOAT32, 0, 5).rows(0, 0).elements());
  }

  @Test
  void integersKeepTheirRange() {
    assertArrayEquals(
        new long[] {255, 128}, Tensor.ofBytes(DataType.UINT8, new byte[] {-1, -128}, 2).toLongs());
    assertArrayEquals(
        new long[] {-1, -128}, Tensor.ofBytes(DataType.INT8, new byte[] {-1, -128}, 2).toLongs());
    Tensor unsigned = Tensor.allocate(DataType.UINT64, 3);
    unsigned.buffer().putLong(-1).putLong(Long.MIN_VALUE).putLong(5);
    assertArrayEquals(new float[] {0x1p64f, 0x1p63f, 5}, unsigned.toFloats());
    Tensor words = Tensor.allocate(DataType.UINT32, 1);
    words.buffer().putInt(-1);
    assertArrayEquals(new long[] {0xffffffffL}, words.toLongs());
    assertThrows(IllegalArgumentException.class, () -> Tensor.scalar(1f).toLongs());
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT16", "BFLOAT16", "FLOAT32", "FLOAT64"})
  void floatsComeBackFromEachFloatingType(DataType type) {
    float[] values = {0, -0f, 1, -2.5f, Float.POSITIVE_INFINITY, 0.15625f};
    try (Tensor tensor = Tensor.fromFloats(type, values, 2, 3)) {
      assertEquals(type, tensor.type());
      assertArrayEquals(values, tensor.toFloats());
    }
  }

  @Test
  void floatsDoNotFitIntegerTypes() {
    assertThrows(
        IllegalArgumentException.class, () -> Tensor.fromFloats(DataType.INT8, new float[] {1}, 1));
  }

  @Test
  void stringsComeBack() {
    String[] texts = {"", "a", "Ωmega", "\uD83D\uDE00"};
    Tensor tensor = Tensor.of(texts, 2, 2);
    assertArrayEquals(texts, tensor.toStrings());
    assertArrayEquals(texts, tensor.copy().toStrings());
    assertArrayEquals(texts, tensor.reshaped(4).toStrings());
    assertThrows(IllegalArgumentException.class, () -> tensor.rows(0, 1));
    assertThrows(IllegalArgumentException.class, tensor::toFloats);
    assertThrows(IllegalArgumentException.class, () -> Tensor.scalar(1f).toStrings());
    assertThrows(IllegalArgumentException.class, () -> Tensor.of(texts, 3));
  }

  @Test
  void aBrokenStringTableIsRejected() {
    byte[] good = Tensor.of(new String[] {"ab", "c"}, 2).toBytes();
    for (int i = 0; i < 12; i++) {
      byte[] broken = good.clone();
      broken[i] ^= (byte) 0x40;
      ByteBuffer direct = ByteBuffer.allocateDirect(broken.length).put(broken).flip();
      assertThrows(
          IllegalArgumentException.class, () -> Tensor.view(DataType.STRING, direct, 2), "" + i);
    }
    assertThrows(
        IllegalArgumentException.class,
        () -> Tensor.view(DataType.STRING, ByteBuffer.allocateDirect(4), 1L << 40));
  }
}
