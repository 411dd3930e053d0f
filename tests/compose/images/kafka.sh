#!/bin/sh
# KAFKA_SOME_SETTING=… becomes some.setting=…; an empty volume is formatted; then serves.
set -eu
properties=/tmp/server.properties
awk 'BEGIN {
    for (name in ENVIRON) if (name ~ /^KAFKA_/) {
        key = tolower(substr(name, 7)); gsub(/_/, ".", key); print key "=" ENVIRON[name]
    }
}' >"$properties"
java="java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
$java -cp '/opt/kafka/libs/*' kafka.tools.StorageTool format -t "$CLUSTER_ID" -c "$properties" --ignore-formatted
exec $java -cp '/opt/kafka/libs/*' kafka.Kafka "$properties"
