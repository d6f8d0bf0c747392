import java.io.File;
import org.HdrHistogram.EncodableHistogram;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogReader;

/** Prints each interval of an HdrHistogram log, its argument: tag, start in ms, count, p95, p99 and max in the recorded unit. */
public class ReadHlog {
  public static void main(String[] arguments) throws Exception {
    HistogramLogReader reader = new HistogramLogReader(new File(arguments[0]));
    EncodableHistogram next;
    while ((next = reader.nextIntervalHistogram()) != null) {
      Histogram histogram = (Histogram) next;
      System.out.println(
          String.join(
              " ",
              histogram.getTag(),
              Long.toString(histogram.getStartTimeStamp()),
              Long.toString(histogram.getTotalCount()),
              Long.toString(histogram.getValueAtPercentile(95)),
              Long.toString(histogram.getValueAtPercentile(99)),
              Long.toString(histogram.getMaxValue())));
    }
  }
}
