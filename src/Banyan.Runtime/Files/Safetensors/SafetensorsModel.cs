namespace Banyan.Runtime.Files.Safetensors;

static class SafetensorsModel
{
    public static ModelFile Open(string path) => throw new ModelFileException(path, "safetensors cannot be read yet");
}
