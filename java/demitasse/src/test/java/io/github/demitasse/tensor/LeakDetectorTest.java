package io.github.demitasse.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class LeakDetectorTest {
  private record Report(String message, Throwable site) {}

  private final BlockingQueue<Report> reports = new LinkedBlockingQueue<>();
  private final LeakDetector detector =
      new LeakDetector((message, site) -> reports.add(new Report(message, site)));

  @Test
  void memoryThatNobodyClosedIsReportedWithItsAllocationSite() throws InterruptedException {
    forget();
    Report report = next(60_000);
    assertEquals("a tensor of 1234 bytes was not closed", report.message());
    assertTrue(
        Arrays.stream(report.site().getStackTrace())
            .anyMatch(frame -> frame.getMethodName().equals("forget")));
  }

  @Test
  void closedMemoryIsNotReported() throws InterruptedException {
    TensorMemory.allocate(10, detector).close();
    assertNull(next(300));
  }

  @Test
  void memoryLeftToTheCollectorIsNotReported() throws InterruptedException {
    TensorMemory.allocate(10, detector).leaveToCollector();
    assertNull(next(300));
  }

  private void forget() {
    TensorMemory.allocate(1234, detector);
  }

  private Report next(long milliseconds) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(milliseconds);
    Report report = null;
    while (report == null && System.nanoTime() < end) {
      System.gc();
      report = reports.poll(20, TimeUnit.MILLISECONDS);
    }
    return report;
  }
}
