// The parts of Banyan as an SPDX 2.3 document on standard output, from what NuGet resolved: dotnet run sbom.cs -- project.assets.json VERSION EPOCH_SECONDS
#:property PublishAot=false
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;

var assets = JsonNode.Parse(File.ReadAllText(args[0]))!;
var (version, created) = (args[1], DateTimeOffset.FromUnixTimeSeconds(long.Parse(args[2])).ToString("yyyy-MM-ddTHH:mm:ssZ"));
var folders = assets["packageFolders"]!.AsObject().Select(f => f.Key).ToList();
var packages = new JsonArray(Package("SPDXRef-banyan", "banyan", version, "Apache-2.0", null, null));
var relations = new JsonArray(Relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-banyan"));
foreach (var (key, library) in assets["libraries"]!.AsObject().OrderBy(l => l.Key, StringComparer.Ordinal))
{
    if ((string?)library!["type"] != "package")
        continue;
    var (name, its) = (key.Split('/')[0], key.Split('/')[1]);
    var id = "SPDXRef-" + key.Replace('/', '-').Replace('_', '-');
    packages.Add(Package(id, name, its, Licence((string)library["path"]!, name), $"https://www.nuget.org/packages/{name}/{its}",
        Convert.ToHexStringLower(Convert.FromBase64String((string)library["sha512"]!))));
    relations.Add(Relation("SPDXRef-banyan", "DEPENDS_ON", id));
}

Console.WriteLine(new JsonObject
{
    ["spdxVersion"] = "SPDX-2.3",
    ["dataLicense"] = "CC0-1.0",
    ["SPDXID"] = "SPDXRef-DOCUMENT",
    ["name"] = $"banyan-{version}",
    ["documentNamespace"] = $"https://spdx.org/spdxdocs/banyan-{version}-{args[2]}",
    ["creationInfo"] = new JsonObject { ["created"] = created, ["creators"] = new JsonArray("Tool: banyan-package") },
    ["packages"] = packages,
    ["relationships"] = relations,
}.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));

static JsonObject Package(string id, string name, string version, string licence, string? place, string? sha512)
{
    var package = new JsonObject
    {
        ["SPDXID"] = id,
        ["name"] = name,
        ["versionInfo"] = version,
        ["downloadLocation"] = place ?? "NOASSERTION",
        ["filesAnalyzed"] = false,
        ["licenseConcluded"] = licence,
        ["licenseDeclared"] = licence,
        ["copyrightText"] = "NOASSERTION",
    };
    if (sha512 is not null)
    {
        package["checksums"] = new JsonArray(new JsonObject { ["algorithm"] = "SHA512", ["checksumValue"] = sha512 });
        package["externalRefs"] = new JsonArray(new JsonObject
        {
            ["referenceCategory"] = "PACKAGE-MANAGER",
            ["referenceType"] = "purl",
            ["referenceLocator"] = $"pkg:nuget/{name}@{version}",
        });
    }
    return package;
}

static JsonObject Relation(string from, string kind, string to) => new() { ["spdxElementId"] = from, ["relationshipType"] = kind, ["relatedSpdxElement"] = to };

// The licence expression that the package itself declares.
string Licence(string path, string name)
{
    foreach (var folder in folders)
    {
        var file = Path.Combine(folder, path, name.ToLowerInvariant() + ".nuspec");
        if (!File.Exists(file))
            continue;
        var element = XDocument.Load(file).Descendants().FirstOrDefault(e => e.Name.LocalName == "license");
        return (string?)element?.Attribute("type") == "expression" ? element!.Value : "NOASSERTION";
    }
    return "NOASSERTION";
}
