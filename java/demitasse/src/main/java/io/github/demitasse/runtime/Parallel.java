package io.github.demitasse.runtime;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntConsumer;

/** Confined to one call: independent tasks on threads that live as long as the call. */
final class Parallel {
  private final int count;
  private final IntConsumer task;
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();

  private Parallel(int count, IntConsumer task) {
    this.count = count;
    this.task = task;
  }

  /**
   * Runs the tasks 0 to {@code count} - 1 on at most {@code threads} threads, of which the caller
   * is one. A failure keeps further tasks from starting and is thrown when all threads have ended.
   */
  static void forEach(int count, int threads, IntConsumer task) {
    Parallel tasks = new Parallel(count, task);
    Thread[] helpers = new Thread[Math.max(0, Math.min(threads, count) - 1)];
    for (int i = 0; i < helpers.length; i++) {
      helpers[i] = new Thread(tasks::work, "demitasse-samples-" + i);
      helpers[i].setDaemon(true);
      helpers[i].start();
    }
    tasks.work();
    boolean interrupted = false;
    for (Thread helper : helpers) {
      while (helper.isAlive()) {
        try {
          helper.join();
        } catch (InterruptedException later) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    tasks.rethrow();
  }

  private void work() {
    int index = next.getAndIncrement();
    while (index < count && failure.get() == null) {
      try {
        task.accept(index);
      } catch (RuntimeException | Error failed) {
        failure.compareAndSet(null, failed);
      }
      index = next.getAndIncrement();
    }
  }

  private void rethrow() {
    if (failure.get() instanceof RuntimeException failed) {
      throw failed;
    }
    if (failure.get() instanceof Error failed) {
      throw failed;
    }
  }
}
