package slotkeeper;

import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueBytesStoreSupplier;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** Kafka Streams doing the worker's job without seals: a number for each request, exactly once. */
public final class KafkaStreamsPeer {

    private static final String STORE = "counters";

    private KafkaStreamsPeer() {}

    /**
     * Runs until SIGTERM.
     *
     * @param arguments bootstrap servers, application id, prefix of the topics, {@code rocksdb} or
     *     {@code memory}, folder of the state, number of stream threads
     */
    public static void main(String[] arguments) throws InterruptedException {
        String prefix = arguments[2];
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[1]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[4]);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, arguments[5]);
        // Its commit interval is then 100 ms by default.
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        // The worker's own session timeout, so that takeovers compare.
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG), 10_000);

        KafkaStreams streams = new KafkaStreams(topology(prefix, arguments[3]), settings);
        streams.setUncaughtExceptionHandler(
                failure -> {
                    failure.printStackTrace();
                    return StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
                });
        CountDownLatch ended = new CountDownLatch(1);
        Runtime.getRuntime()
                .addShutdownHook(
                        new Thread(
                                () -> {
                                    streams.close();
                                    ended.countDown();
                                }));
        streams.start();
        ended.await();
    }

    private static Topology topology(String prefix, String kind) {
        KeyValueBytesStoreSupplier supplier =
                switch (kind) {
                    case "rocksdb" -> Stores.persistentKeyValueStore(STORE);
                    case "memory" -> Stores.inMemoryKeyValueStore(STORE);
                    default -> throw new IllegalArgumentException("no kind of store: " + kind);
                };
        var text = Serdes.String();
        var octets = Serdes.ByteArray();
        // A changelog record for every decision, as the others write: a cache would merge them.
        var store =
                Stores.keyValueStoreBuilder(supplier, text, Serdes.Long())
                        .withCachingDisabled()
                        .withLoggingEnabled(Map.of());
        return new Topology()
                .addSource("requests", text.deserializer(), octets.deserializer(), prefix + Decision.REQUESTS)
                .addProcessor("decide", Decide::new, "requests")
                .addStateStore(store, "decide")
                .addSink("commands", prefix + "cs02b-commands", text.serializer(), octets.serializer(), "decide")
                .addSink("audit", prefix + "audit-trail", text.serializer(), octets.serializer(), "decide");
    }

    private static final class Decide implements Processor<String, byte[], String, byte[]> {
        private ProcessorContext<String, byte[]> context;
        private KeyValueStore<String, Long> counters;

        @Override
        public void init(ProcessorContext<String, byte[]> given) {
            context = given;
            counters = given.getStateStore(STORE);
        }

        @Override
        public void process(Record<String, byte[]> request) {
            var source = context.recordMetadata().orElseThrow();
            Long stored = counters.get(request.key());
            Decision decision =
                    Decision.of(
                            request.value(),
                            request.key(),
                            source.partition(),
                            source.offset(),
                            stored == null ? 0 : stored,
                            context.currentSystemTimeMs());
            counters.put(request.key(), decision.counter());
            context.forward(request.withValue(decision.command()), "commands");
            context.forward(request.withValue(decision.audit()), "audit");
        }
    }
}
