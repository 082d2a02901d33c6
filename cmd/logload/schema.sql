-- The tables that logload makes where they are missing, printed by
-- logload --print-schema.

CREATE TABLE IF NOT EXISTS `log_files` (
  `id` BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  `name` VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL UNIQUE,
  `bytes` BIGINT UNSIGNED NOT NULL,
  `events` BIGINT UNSIGNED NOT NULL,
  `rejected` BIGINT UNSIGNED NOT NULL,
  `torn` BIGINT UNSIGNED NOT NULL,
  `progress` BIGINT UNSIGNED NOT NULL,
  `lines` BIGINT UNSIGNED NOT NULL,
  `started_at` DATETIME(6) NOT NULL,
  `loaded_at` DATETIME(6) NULL,
  `table` VARCHAR(129) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  `sha256` VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS `logs` (
  `received_at` DATETIME(6) NOT NULL,
  `file_id` BIGINT UNSIGNED NOT NULL,
  `line` BIGINT UNSIGNED NOT NULL,
  `occurred_at` DATETIME(6) NULL,
  `event` VARCHAR(64) NULL,
  `level` VARCHAR(16) NULL,
  `user_id` VARCHAR(64) NULL,
  `payload` JSON NOT NULL,
  PRIMARY KEY (`received_at`, `file_id`, `line`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE INDEX `log_files_sha256` ON `log_files` (`sha256`);
