package dev.turnstone.engine.chat.jinja;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;

/// Python's `datetime.strftime` in the C locale.
final class Strftime {
  private static final Map<Character, DateTimeFormatter> FIELDS =
      Map.ofEntries(
          field('d', "dd"),
          field('e', "ppd"),
          field('m', "MM"),
          field('Y', "yyyy"),
          field('y', "yy"),
          field('B', "MMMM"),
          field('b', "MMM"),
          field('h', "MMM"),
          field('A', "EEEE"),
          field('a', "EEE"),
          field('H', "HH"),
          field('I', "hh"),
          field('M', "mm"),
          field('S', "ss"),
          field('f', "SSSSSS"),
          field('p', "a"),
          field('j', "DDD"),
          field('D', "MM/dd/yy"),
          field('F', "yyyy-MM-dd"),
          field('R', "HH:mm"),
          field('T', "HH:mm:ss"),
          field('X', "HH:mm:ss"),
          field('x', "MM/dd/yy"),
          field('c', "EEE MMM ppd HH:mm:ss yyyy"));

  private Strftime() {}

  private static Map.Entry<Character, DateTimeFormatter> field(char letter, String pattern) {
    return Map.entry(letter, DateTimeFormatter.ofPattern(pattern, Locale.US));
  }

  static String format(String format, LocalDateTime time) {
    StringBuilder made = new StringBuilder();
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if (c != '%' || i + 1 == format.length()) {
        made.append(c);
        continue;
      }
      c = format.charAt(++i);
      boolean unpadded = c == '-' && i + 1 < format.length();
      if (unpadded) c = format.charAt(++i);
      String field = field(c, time);
      made.append(unpadded ? field.replaceFirst("^[0 ]+(?=.)", "") : field);
    }
    return made.toString();
  }

  private static String field(char letter, LocalDateTime time) {
    return switch (letter) {
      case '%' -> "%";
      case 'n' -> "\n";
      case 't' -> "\t";
      case 'Z', 'z' -> ""; // the time has no zone
      case 'w' -> String.valueOf(time.getDayOfWeek().getValue() % 7);
      case 'u' -> String.valueOf(time.getDayOfWeek().getValue());
      default -> {
        DateTimeFormatter formatter = FIELDS.get(letter);
        if (formatter == null)
          throw TemplateException.render(
              "ValueError: strftime_now('%" + letter + "') is not supported");
        yield time.format(formatter);
      }
    };
  }
}
