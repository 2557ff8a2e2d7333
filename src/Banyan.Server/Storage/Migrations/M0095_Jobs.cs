using FluentMigrator;

namespace Banyan.Server.Storage.Migrations;

/// <summary>What the hub does by itself.</summary>
[Migration(95, "jobs")]
public sealed class M0095_Jobs : Migration
{
    /// <inheritdoc/>
    public override void Up()
    {
        Create.Table("jobs")
            .WithColumn("name").AsString().PrimaryKey()
            .WithColumn("node").AsString().Nullable()             // who runs it
            .WithColumn("held_until").AsInt64()
            .WithColumn("due_at").AsInt64()
            .WithColumn("began_at").AsInt64().Nullable()
            .WithColumn("ended_at").AsInt64().Nullable()
            .WithColumn("progress").AsString(int.MaxValue).Nullable()
            .WithColumn("error").AsString(int.MaxValue).Nullable()
            .WithColumn("failures").AsInt32()
            .WithColumn("cursor").AsString(int.MaxValue).Nullable();
        // Until now the day of the last collection was a setting.
        Delete.FromTable("settings").Row(new { name = "collected-at" });
    }

    /// <inheritdoc/>
    public override void Down() => throw new NotSupportedException("Restore a backup to go back.");
}
