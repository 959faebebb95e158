// A back end of Etsy's StatsD: each flush for which anything came is a line of JSON on standard output.

exports.init = function (startupTime, config, events) {
  events.on("flush", function (timestamp, metrics) {
    const { counters, gauges, timers, timer_counters } = metrics;
    if (counters["statsd.packets_received"] === 0) return;
    const sets = {};
    for (const name in metrics.sets) {
      sets[name] = metrics.sets[name].values();
    }
    process.stdout.write(JSON.stringify({ counters, gauges, timers, timer_counters, sets }) + "\n");
  });
  return true;
};
