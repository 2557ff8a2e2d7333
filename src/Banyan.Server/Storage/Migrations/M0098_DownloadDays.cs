using System.Data;
using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>Downloads by day, beside their sum.</summary>
[Migration(98, "downloads by day")]
public sealed class M0098_DownloadDays : Migration
{
    /// <inheritdoc/>
    public override void Up() =>
        Create.Table("download_days")
            .WithColumn("repo_id").AsInt64().PrimaryKey().ForeignKey("repos", "id").OnDelete(Rule.Cascade)
            .WithColumn("day").AsInt32().PrimaryKey()                         // days since 1970-01-01, UTC
            .WithColumn("downloads").AsInt64();

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
