package dev.turnstone.server.demo;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/// A line plot as inline SVG: one value per step, with a point to hover over at each.
///
/// @param scale what a value's height is
record DemoPlot(String title, Scale scale, List<Series> series) {
  private static final int WIDTH = 520;
  private static final int HEIGHT = 200;
  private static final int LEFT = 56;
  private static final int BOTTOM = 24;
  private static final int TOP = 12;

  DemoPlot {
    series = List.copyOf(series);
  }

  /// One line of a plot. A value that is not finite is left out.
  record Series(String name, String color, List<Double> values) {
    Series {
      values = List.copyOf(values);
    }
  }

  /// How values become heights.
  enum Scale {
    /// From 0 to 1.
    SHARE,
    /// From 0 to the greatest value.
    LINEAR,
    /// Powers of ten; what is not positive is left out.
    LOGARITHMIC
  }

  String svg() {
    double low = low();
    double high = high();
    StringBuilder svg = new StringBuilder();
    svg.append("<figure><figcaption>").append(title).append(legend()).append("</figcaption>");
    svg.append(String.format(Locale.ROOT, "<svg viewBox='0 0 %d %d' role='img'>", WIDTH, HEIGHT));
    for (int i = 0; i <= 4; i++) svg.append(gridLine(low + (high - low) * i / 4, low, high));
    svg.append(
        String.format(
            Locale.ROOT,
            "<text x='%d' y='%d'>step 1</text><text class='end' x='%d' y='%d'>%d</text>",
            LEFT,
            HEIGHT - 6,
            WIDTH - 8,
            HEIGHT - 6,
            length()));
    for (Series one : series) svg.append(line(one, low, high));
    return svg.append("</svg></figure>\n").toString();
  }

  private String line(Series one, double low, double high) {
    List<Integer> shown =
        IntStream.range(0, one.values().size())
            .filter(i -> Double.isFinite(height(one.values().get(i))))
            .boxed()
            .toList();
    String points =
        shown.stream()
            .map(i ->
                String.format(
                    Locale.ROOT, "%.1f,%.1f", x(i), y(height(one.values().get(i)), low, high)))
            .collect(Collectors.joining(" "));
    String dots =
        shown.stream()
            .map(i ->
                String.format(
                    Locale.ROOT,
                    "<circle cx='%.1f' cy='%.1f' r='3' fill='%s'><title>step %d: %s %s</title></circle>",
                    x(i),
                    y(height(one.values().get(i)), low, high),
                    one.color(),
                    i + 1,
                    one.name(),
                    number(one.values().get(i))))
            .collect(Collectors.joining());
    return String.format(
        Locale.ROOT, "<polyline points='%s' stroke='%s'/>%s", points, one.color(), dots);
  }

  private String gridLine(double at, double low, double high) {
    double y = y(at, low, high);
    double value = scale == Scale.LOGARITHMIC ? Math.pow(10, at) : at;
    return String.format(
        Locale.ROOT,
        "<line x1='%d' x2='%d' y1='%.1f' y2='%.1f'/><text class='end' x='%d' y='%.1f'>%s</text>",
        LEFT,
        WIDTH - 8,
        y,
        y,
        LEFT - 6,
        y + 4,
        number(value));
  }

  private String legend() {
    return series.stream()
        .map(one ->
            String.format(
                Locale.ROOT, " <span style='color:%s'>● %s</span>", one.color(), one.name()))
        .collect(Collectors.joining());
  }

  private double low() {
    return scale == Scale.LOGARITHMIC ? Math.floor(heights().min().orElse(-9)) : 0;
  }

  private double high() {
    return switch (scale) {
      case SHARE -> 1;
      case LINEAR -> Math.max(1e-9, heights().max().orElse(1));
      case LOGARITHMIC -> Math.max(low() + 1, Math.ceil(heights().max().orElse(-8)));
    };
  }

  private DoubleStream heights() {
    return series.stream()
        .flatMap(one -> one.values().stream())
        .mapToDouble(this::height)
        .filter(Double::isFinite);
  }

  private double height(double value) {
    return scale == Scale.LOGARITHMIC ? Math.log10(value) : value;
  }

  private int length() {
    return series.stream().mapToInt(one -> one.values().size()).max().orElse(0);
  }

  private double x(int step) {
    return LEFT + (WIDTH - 16.0 - LEFT) * step / Math.max(1, length() - 1);
  }

  private static double y(double height, double low, double high) {
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (height - low) / (high - low));
  }

  private static String number(double value) {
    if (value != 0 && Math.abs(value) < 0.01) return String.format(Locale.ROOT, "%.1e", value);
    return Math.abs(value) >= 100
        ? String.format(Locale.ROOT, "%.0f", value)
        : String.format(Locale.ROOT, "%.2f", value);
  }
}
