#!/bin/sh
exec java -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=error \
    -cp "${HUITOU_KAFKA_LIBS:-/opt/kafka/libs/*}" kafka.admin.ConfigCommand "$@"
